"""The whole story: every message with the reading, its row in ``registro``, and the verdict."""

from dataclasses import dataclass, field

from db.mapping import Mapping
from db.read.corrections import Correction
from db.read.traces import RegistroRow
from ops.explain.question import Question
from ops.explain.sighting import Fate, Sighting
from schemas.reasons import Reason

STANDS, SEEN, NEVER_SEEN = 0, 1, 4
"""The exit codes."""
_CLOSE = 0.0005


@dataclass
class Surroundings:
    """What is known around a reading: most useful if it was never seen."""

    is_registered: bool = False
    mappings: list[Mapping] = field(default_factory=list)
    before_ms: int | None = None
    after_ms: int | None = None
    """The nearest times in ``registro``, of the same sensor and component."""
    outbox_files: int = 0
    lag_messages: int | None = None
    """None: the broker does not answer."""
    corrections: list[Correction] = field(default_factory=list)
    """The values that others have overwritten."""
    notes: list[str] = field(default_factory=list)
    """What could not be searched, and why."""


@dataclass
class Story:
    """All of it, as far as it is known."""

    question: Question
    sightings: list[Sighting]
    registro: list[RegistroRow]
    around: Surroundings

    def in_order(self) -> list[Sighting]:
        """The messages, newest last: of those that went to ``registro`` the last one counts."""
        return sorted(self.sightings, key=lambda sighting: (sighting.may_stand, sighting.order()))

    @property
    def active_mapping(self) -> Mapping | None:
        """The row of ``paciente_sensor`` that covers the instant."""
        at, mappings = self.question.event_ms, self.around.mappings
        return next((worn for worn in mappings if worn.from_ms <= at < worn.until_ms), None)

    @property
    def standing(self) -> Sighting | None:
        """The message whose value ``registro`` should have."""
        candidates = [sighting for sighting in self.in_order() if sighting.may_stand]
        return candidates[-1] if candidates else None

    @property
    def stands(self) -> bool:
        """Whether ``registro`` has the value that it should have."""
        return bool(self.registro) and not self._is_altered()

    @property
    def exit_code(self) -> int:
        """0: it is in ``registro``. 1: it was seen but is not there. 4: it was never seen."""
        if self.stands:
            return STANDS
        return SEEN if self.sightings or self.registro else NEVER_SEEN

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.registro:
            return self._verdict_of_row(self.registro[0])
        if self.standing is not None:
            return (
                "it is not stored: it was accepted, but registro has no such row"
                f"{self._without_mapping()}; `vitals reconcile` says more"
            )
        if self.sightings:
            return f"it is not stored: {self._why_not(self.in_order()[-1])}"
        return "it was never seen: not in the archive, the topic, the trusted files or the tables"

    def _verdict_of_row(self, row: RegistroRow) -> str:
        where = f"registro has {row.value:.12g} under mapping {row.mapping_id}"
        standing = self.standing
        if standing is None:
            return f"it is stored: {where}; its message can no longer be found"
        if self._is_altered():
            return (
                f"it is not stored: {where}, but the newest accepted value is {standing.value:.12g};"
                " `vitals reconcile --repair` corrects it"
            )
        overwritten = sum(sighting.may_stand for sighting in self.sightings) - 1
        more = f"; it overwrote {overwritten} older" if overwritten else ""
        return f"it is stored: {where}{more}"

    def _is_altered(self) -> bool:
        expected = self.standing.value if self.standing else None
        return expected is not None and all(
            abs(row.value - expected) >= _CLOSE for row in self.registro
        )

    def _without_mapping(self) -> str:
        return "" if self.active_mapping else " (no mapping is active at that time)"

    def _why_not(self, sighting: Sighting) -> str:
        entry = sighting.entry.entry if sighting.entry else None
        if entry is None or entry.reason == Reason.UNMAPPED:
            lag = self.around.lag_messages
            is_behind = sighting.fate is Fate.IN_TOPIC and lag is not None
            return f"{sighting.fate}" + (f" (the lag is {lag:,} messages)" if is_behind else "")
        detail = f" ({entry.detail})" if entry.detail else ""
        return f"{sighting.fate} as {entry.reason}{detail}, entry {entry.state}"
