"""Names that an option knows: for an unknown one, the error lists the known ones."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from common.errors import ConfigurationError
from db.read import quarantine_desk as desk
from ops.kafka_tools import TOOLS
from schemas import catalogue
from schemas.reasons import Reason


@dataclass(frozen=True)
class Known:
    """The names of one kind, as a check and as the completion of an option or argument."""

    kind: str
    names: Callable[[], Sequence[str]]
    """Called only when needed: it may take an import."""
    plain: Callable[[str], str] = str
    """Normalizes a name before it is looked up."""
    of: str = ""
    """What the names belong to, for the message."""

    def has(self, name: str) -> bool:
        """Whether the name is known."""
        return self.plain(name) in self.names()

    def require(self, name: str) -> str:
        """The name as it was given. Raises ConfigurationError for an unknown one."""
        if self.has(name):
            return name
        known = self.names()
        near = difflib.get_close_matches(self.plain(name), known, n=1)
        guess = f"; did you mean {near[0]}?" if near else ""
        raise ConfigurationError(
            f"there is no {self.kind} {name!r}{self.of}{guess}",
            hint=f"choose from: {', '.join(known)}",
        )

    def check(self, value: str | None) -> str | None:
        """A callback for typer: as ``require``; an option that was not given stays None."""
        return None if value is None else self.require(value)

    def check_list(self, value: str | None) -> str | None:
        """The same for names separated by commas; they come back without blanks."""
        if value is None:
            return None
        return ",".join(self.require(name.strip()) for name in value.split(","))

    def complete(self, incomplete: str) -> list[str]:
        """What the shell offers."""
        return [name for name in self.names() if name.startswith(incomplete)]

    def complete_list(self, incomplete: str) -> list[str]:
        """The same, after the last comma."""
        head, comma, last = incomplete.rpartition(",")
        return [f"{head}{comma}{name}" for name in self.complete(last)]


def _faults() -> Sequence[str]:
    from ops.storm.faults import KINDS

    return list(KINDS)


REASONS = Known("reason", lambda: list(map(str, Reason)))
SENSORS = Known(
    "sensor", lambda: [sensor.code for sensor in catalogue.sensors()], catalogue.canonical_name
)
STATES = Known("state", lambda: desk.STATES)
FAULTS = Known("fault", _faults)
KAFKA_TOOLS = Known("Kafka tool", lambda: list(TOOLS))


def require_names(sensor: str, component: str | None) -> None:
    """Raises ConfigurationError for a sensor or component that the catalogue does not have."""
    SENSORS.require(sensor)
    if component is not None:
        known = catalogue.sensor(catalogue.canonical_name(sensor))
        parts = [candidate.part for candidate in known.components]
        of = f" of {known.code}"
        Known("component", lambda: parts, catalogue.canonical_component, of).require(component)
