"""Settings, read once in each ``__main__`` from the environment or from secret files, then frozen.

Every name ``X`` may be given as ``X_FILE`` instead: a path whose content is the value (the way
container secrets arrive). All problems are reported together.
"""

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.broker.addresses import addresses
from common.errors import ConfigurationError
from common.secret import PlacedSecret, secret_in

Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """Base: environment variables named like the fields, frozen after the read."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False)


S = TypeVar("S", bound=Settings)


class KafkaSecurity(StrEnum):
    """What protects a connection to the broker."""

    SASL_SSL = "SASL_SSL"
    PLAINTEXT = "PLAINTEXT"


class SaslMechanism(StrEnum):
    """How a client proves who it is."""

    SCRAM_SHA_512 = "SCRAM-SHA-512"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    PLAIN = "PLAIN"


class KafkaSettings(Settings):
    """Where the broker is, how it is reached, and what the topics are called."""

    kafka_bootstrap_servers: str
    """Address of the broker, `host:port`; several are separated by commas."""
    kafka_security_protocol: KafkaSecurity = KafkaSecurity.SASL_SSL
    """`SASL_SSL`: TLS and a login. `PLAINTEXT` has neither: anybody on the network can read and forge
    messages."""
    kafka_sasl_mechanism: SaslMechanism = SaslMechanism.SCRAM_SHA_512
    """How this part logs in."""
    kafka_sasl_username: Annotated[str | None, Field(validate_default=True)] = None
    """The broker's principal of this part; required with `SASL_SSL`."""
    kafka_sasl_password: Annotated[SecretStr | None, Field(validate_default=True)] = None
    """The password of that principal; required with `SASL_SSL`."""
    kafka_ssl_ca: Path | None = None
    """The certificates (PEM) of the authorities that the broker's certificate may come from; the
    system's own unless set."""
    kafka_topic: str = "sensor-batches"
    """The topic of batches."""
    kafka_dlq_topic: str = "sensor-batches-dlq"
    """The topic of dead letters: copies of refused messages."""
    kafka_shards_topic: str = "producer-shards"
    """The topic whose partitions are the shards of the patients; it holds no messages."""
    kafka_group: str = "vitals-consumer"
    """The consumer group whose offsets show the consumer's lag."""
    kafka_producers_group: str = "vitals-producers"
    """The consumer group in which producers share the patients."""
    batch_key_path: Path | None = None
    """The key file with which a sender signs its batches; without one they are sent unsigned, and it warns."""

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _are_servers(cls, value: str) -> str:
        addresses(value)
        return value

    @field_validator("kafka_sasl_username", "kafka_sasl_password")
    @classmethod
    def _is_given(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None and info.data.get("kafka_security_protocol") is KafkaSecurity.SASL_SSL:
            raise ValueError("required, unless KAFKA_SECURITY_PROTOCOL is PLAINTEXT")
        return value


class TopicSettings(Settings):
    """How missing topics are created; an existing topic keeps its partitions and its retention."""

    topic_partitions: Annotated[int, Field(ge=1)] = 4
    """Partitions of a new topic of batches: the most tasks that can write at the same time."""
    topic_retention_hours: Annotated[int, Field(ge=1)] = 168
    """How long a new topic of batches keeps its messages."""
    producer_shards: Annotated[int, Field(ge=1)] = 12
    """Shards of the patients: producers beyond this number are standbys."""


class DatabaseAddress(Settings):
    """Where the database is, and how it is reached."""

    db_host: str
    """The database server."""
    db_port: Port = 3306
    """Its port."""
    db_ssl: bool = True
    """TLS; `false` is plaintext: anybody on the network reads patients' data."""
    db_ssl_ca: Path | None = None
    """The certificates (PEM) of the authorities that the server's certificate may come from; the
    system's own unless set."""
    db_ssl_verify: bool = True
    """`false` takes any certificate: anybody may answer in the server's place, and gets the password."""
    db_name: str = "health_data"
    """The database that holds all tables."""
    db_connect_timeout_seconds: Annotated[int, Field(ge=1)] = 10
    """How long a connection may take to open before the attempt counts as failed."""


class DatabaseSettings(DatabaseAddress):
    """How the database is reached, and whose account it is."""

    db_user: str
    """The account of this part."""
    db_password: SecretStr
    """The password of that account."""


class TrustSettings(Settings):
    """Which batches count."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    require_authentic: bool = True
    """Whether a batch must be signed with a known key and come under its patient's key; else it is
    quarantined as `unauthentic`."""
    batch_keys_dir: Path | None = None
    """The folder with the files `batch_key_*`, whose keys verify batches."""


class LogSettings(Settings):
    """What the parts log, and how."""

    log_format: Annotated[str, Field(pattern="^(json|console)$")] = "json"
    """`json` for machines (one event per line), `console` for people."""
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    """The least severe level that is logged."""


class OutputSettings(Settings):
    """Where the parts keep their files."""

    output_dir: Path = Path("output")
    """The folder of the raw archive (`raw/`) and of the trusted files (`trusted/`); for `vitals` it is
    `output` in `VITALS_HOME` where only that is set."""


def load(kind: type[S], **given: Any) -> S:
    """Reads ``kind`` from the environment; ``given`` (command-line options) wins unless None.

    A name in ``given`` may end in ``_file``, too.

    Raises ConfigurationError: one message with every missing or invalid name.
    """
    settings, problems = _read(kind, given)
    if settings is None:
        raise _unreadable(problems)
    return settings


def load_all(*kinds: type[Settings]) -> tuple[Any, ...]:
    """Reads several kinds, in their order.

    Raises ConfigurationError: one message with the problems of all of them.
    """
    read = [_read(kind, {}) for kind in kinds]
    if problems := [problem for _, found in read for problem in found]:
        raise _unreadable(problems)
    return tuple(settings for settings, _ in read)


def _read(kind: type[S], given: Mapping[str, Any]) -> tuple[S | None, list[str]]:
    values = {name: value for name, value in given.items() if value is not None}
    problems: list[str] = []
    for name, field in kind.model_fields.items():
        is_secret = SecretStr in (field.annotation, *get_args(field.annotation))
        if name in values:
            continue
        if path := values.pop(f"{name}_file", None) or os.environ.get(f"{name.upper()}_FILE"):
            try:
                text = secret_in(Path(path))
                values[name] = PlacedSecret(text, Path(path).absolute()) if is_secret else text
            except OSError as error:
                problems.append(f"{name.upper()}_FILE: cannot read {path}: {error.strerror}")
            except UnicodeDecodeError:
                problems.append(f"{name.upper()}_FILE: cannot read {path}: it is not UTF-8 text")
        elif is_secret and (text := os.environ.get(name.upper(), "")):
            values[name] = PlacedSecret(text, name.upper())
    try:
        settings = kind(**values)
    except ValidationError as error:
        problems += [f"{_name(item)}: {item['msg']}" for item in error.errors()]
    return (None, problems) if problems else (settings, [])


def _unreadable(problems: Sequence[str]) -> ConfigurationError:
    return ConfigurationError(
        "cannot read the settings:\n    " + "\n    ".join(problems),
        hint="set these names in the environment (or NAME_FILE with a path); with the embedded"
        ' stack running, `eval "$(vitals env)"` sets them all',
    )


def _name(item: Any) -> str:
    return ".".join(str(part) for part in item["loc"]).upper()
