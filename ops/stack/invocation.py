"""What a command is started with: the settings of the stack and the environment for its children."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from common.broker.principals import Principal
from common.settings import (
    DatabaseSettings,
    KafkaSettings,
    OutputSettings,
    Port,
    Settings,
    TopicSettings,
    load,
)
from db.schema.accounts import Role
from ops.people.settings import LooksSettings
from ops.stack.exports import DATABASE_FOLDER, embedded_addresses

S = TypeVar("S", bound=Settings)

# whoever publishes also signs: the key belongs to the login
_OF_KAFKA = ("KAFKA_", "BATCH_KEY_PATH")


class StackSettings(OutputSettings, TopicSettings, LooksSettings):
    """Where the embedded stack lives and what it may use; every setting has a working default."""

    # JAVA_HOME= and the like mean "not set", as they do for a shell
    model_config = SettingsConfigDict(env_ignore_empty=True)

    vitals_home: Path = Path(".vitals")
    """Data, logs and passwords of the embedded stack."""
    vitals_cache: Path | None = None
    """Downloads, which `--fresh` keeps; `cache` in `VITALS_HOME` unless set."""
    vitals_ivy_settings: Path | None = None
    """An ivysettings.xml that names a mirror of Maven Central."""
    vitals_kafka_port: Port | None = None
    """Port of the embedded Kafka; a free one is chosen and remembered unless set."""
    vitals_db_port: Port | None = None
    """Port of the embedded database; a free one is chosen and remembered unless set."""
    vitals_monitor_port: Port | None = None
    """Port of the page that `vitals up` serves; 8080, or else a free one, unless set."""
    vitals_people: Path | None = None
    """The people who may sign in to the page; `people.json` in `VITALS_HOME` unless set."""
    java_home: Path | None = None
    """The Java installation to use; `java` on PATH unless set."""
    simulation_seed: int = 7
    """The same seed gives the same readings."""
    fault_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the readings that are made faulty on purpose."""

    @model_validator(mode="before")
    @classmethod
    def _keep_output_with_its_home(cls, given: dict[str, Any]) -> dict[str, Any]:
        # two stacks must not share a folder of output; earlier versions had one in the current folder
        if not given.get("vitals_home") or given.get("output_dir"):
            return given
        home = Path(given["vitals_home"])
        output = home / "output"
        is_usual = home.resolve() == Path(cls.model_fields["vitals_home"].default).resolve()
        is_earlier = (home / DATABASE_FOLDER).exists() and not output.exists()
        return given if is_usual or is_earlier else {**given, "output_dir": output}

    @property
    def home(self) -> Path:
        """The data folder, absolute."""
        return self.vitals_home.resolve()

    @property
    def people(self) -> Path:
        """The file of the people who may sign in, absolute."""
        return (self.vitals_people or self.vitals_home / "people.json").resolve()

    @property
    def cache(self) -> Path:
        """The folder of downloads, absolute."""
        return (self.vitals_cache or self.vitals_home / "cache").resolve()


@dataclass(frozen=True)
class Invocation:
    """Made once in ``__main__``."""

    settings: StackSettings
    environment: Mapping[str, str]
    principal: Principal = Principal.READER
    """The login at the broker of this stack that the command needs."""
    role: Role = Role.READER
    """The account of the database of this stack that it needs."""

    @property
    def is_named(self) -> bool:
        """Whether the environment names a broker or a database."""
        return any(self._names(name) for name in ("KAFKA_BOOTSTRAP_SERVERS", "DB_HOST"))

    @property
    def has_addresses(self) -> bool:
        """Whether the environment names any, or a stack has been started in the home."""
        return self.is_named or bool(embedded_addresses(self.settings.home))

    @property
    def raw(self) -> Path:
        """The folder of the raw archive."""
        return self.settings.output_dir / "raw"

    def kafka(self) -> KafkaSettings:
        """The broker that the environment names, else the embedded one."""
        return self._load(KafkaSettings)

    def database(self) -> DatabaseSettings:
        """The database that the environment names, else the embedded one."""
        return self._load(DatabaseSettings)

    def _load(self, kind: type[S]) -> S:
        addresses = embedded_addresses(self.settings.home, self.principal, self.role)
        given: dict[str, str] = {}
        # the logins that the command needs, whichever `vitals env` has put into the environment
        if self._is_own(addresses, "KAFKA_BOOTSTRAP_SERVERS"):
            given |= {name: at for name, at in addresses.items() if name.startswith(_OF_KAFKA)}
        # nothing of them for another server: it must not learn of ours
        if self._is_own(addresses, "DB_HOST") and self._is_own(addresses, "DB_PORT"):
            given |= {name: at for name, at in addresses.items() if name.startswith("DB_")}
        return load(kind, **{name.lower(): at for name, at in given.items()})

    def _is_own(self, addresses: Mapping[str, str], name: str) -> bool:
        own = addresses.get(name)
        is_same = self.environment.get(name, own) == own and f"{name}_FILE" not in self.environment
        return own is not None and is_same

    def _names(self, name: str) -> bool:
        return name in self.environment or f"{name}_FILE" in self.environment
