"""What a stack is asked to run, and what each part gets as its environment and its port."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.broker.principals import Principal
from db.schema.accounts import Role
from ops.stack.class_archive import SETTING
from ops.stack.exports import DATABASE_NAMES, cadence_account, embedded_addresses
from ops.stack.invocation import Invocation
from ops.stack.ports import LOOPBACK, quiet_port
from ops.stack.supervisor import LONGEST_DELAY_SECONDS

MONITOR = "monitor"
_PRODUCER = "producer-"
# the second consumer is one of the storm's; whatever else runs is a person's command
_ROLES = {MONITOR: Role.READER, "consumer": Role.CONSUMER, "consumer-2": Role.CONSUMER}
_STARTUP_WAIT_SECONDS = 120


@dataclass(frozen=True)
class Plan:
    """What `vitals up` was asked for."""

    producers: int = 1
    patients: int = 100
    fresh: bool = False
    has_monitor: bool = False
    """Whether the monitor page is served."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the parts get besides the addresses of the stack, or instead of them."""
    longest_delay_seconds: float = LONGEST_DELAY_SECONDS
    """The longest that a part waits before it is restarted."""
    kafka_advertised_port: int | None = None
    """The port clients are sent to, if not the broker's own."""


class Environments:
    """The environments and ports of the parts of one home, by the names of their processes."""

    def __init__(
        self,
        invocation: Invocation,
        plan: Plan,
        *,
        spark_jars: Path,
        class_archive: Path,
        names: Callable[[], Iterable[str]],
    ) -> None:
        """Chooses nothing yet; ``names`` are those of the parts that are supervised."""
        self._invocation, self._plan, self._names = invocation, plan, names
        self._home = invocation.settings.home
        self._output = invocation.settings.output_dir.resolve()
        self._spark_jars, self._class_archive = spark_jars, class_archive
        self.given: dict[str, dict[str, str]] = {}
        """A change takes effect at the next start of the part."""
        self._principals: dict[str, Principal] = {}
        self.ports: dict[str, int] = {}
        """What each part listens on: for its metrics; the monitor, for its page."""

    def give(self, name: str, principal: Principal) -> dict[str, str]:
        """The environment that a part is started with from now on, and its port."""
        self._principals[name] = principal
        self.ports.setdefault(name, quiet_port())
        environment = self.given[name] = self.of(name)
        return environment

    def of(self, name: str = "") -> dict[str, str]:
        """The environment of a part, or of a command that works with the stack."""
        settings = self._invocation.settings
        return {
            **self._inherited(),
            # the page's people, and the secrets that a command rotates, are this home's: a demo or a storm
            # runs beside the user's own stack
            "VITALS_HOME": str(self._home),
            "VITALS_CACHE": str(settings.cache),
            "SPARK_JARS_DIR": str(self._spark_jars),
            SETTING: str(self._class_archive),
            "OUTPUT_DIR": str(self._output),
            "PRODUCER_ID": name,
            "PATIENTS": str(self._plan.patients),
            "SIMULATION_SEED": str(settings.simulation_seed),
            "FAULT_SHARE": str(settings.fault_share),
            "STARTUP_WAIT_SECONDS": str(_STARTUP_WAIT_SECONDS),
            "LOG_FORMAT": "json",
            **self._addresses(name),
            **self._plan.environment,
        }

    def move(self, name: str) -> bool:
        """Gives a part the addresses of now; False: it has them already, or gets none."""
        environment = self.given.get(name)
        addresses = {**self._addresses(name), **self._plan.environment}
        if environment is None or addresses.items() <= environment.items():
            return False
        environment.update(addresses)
        return True

    def targets(self) -> dict[str, str]:
        """Where each producer and the consumer serve their metrics, as ``127.0.0.1:4001``."""
        return {
            name: f"{LOOPBACK}:{port}"
            for name in self._names()
            if name != MONITOR and (port := self.ports.get(name)) is not None
        }

    def _inherited(self) -> dict[str, str]:
        """All but another database and its account: a part gets one account, its own."""
        given = self._invocation.environment.items()
        return {name: value for name, value in given if not name.startswith(DATABASE_NAMES)}

    def _addresses(self, name: str) -> dict[str, str]:
        """What changes where a port was taken."""
        principal = self._principals.get(name, Principal.READER)
        found = embedded_addresses(self._home, principal, _ROLES.get(name, Role.MIGRATOR))
        if name.startswith(_PRODUCER):
            found = {key: value for key, value in found.items() if not key.startswith("DB_")}
        port = str(self.ports.get(name, ""))
        if name == MONITOR:
            targets = [f"{part}={address}" for part, address in self.targets().items()]
            found |= cadence_account(self._home)
            found |= {"MONITOR_PORT": port, "METRICS_TARGETS": ",".join(targets)}
        elif port:
            found |= {"METRICS_PORT": port, "METRICS_HOST": LOOPBACK}
        return found
