"""The page of all settings, from the classes that read them."""

import ast
import inspect
import itertools
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from common.crash_points import CrashSettings
from common.metrics_server import MetricsSettings
from common.settings import (
    DatabaseSettings,
    KafkaSettings,
    LogSettings,
    OutputSettings,
    Settings,
    TopicSettings,
    TrustSettings,
)
from consumer.settings import ConsumerSettings
from ops.cli.commands.setup import SetupSettings
from ops.monitor.settings import MonitorSettings
from ops.people.settings import LooksSettings
from ops.reference.markdown import code, generated, page_of, table
from ops.stack.invocation import StackSettings
from producer.settings import ProducerSettings

GROUPS: dict[str, tuple[type[Settings], ...]] = {
    "Kafka and database": (KafkaSettings, DatabaseSettings),
    "All parts": (OutputSettings, LogSettings, MetricsSettings, CrashSettings),
    "Producer": (ProducerSettings,),
    "Consumer": (ConsumerSettings, TrustSettings),
    "Monitor": (MonitorSettings,),
    "Topics and accounts": (TopicSettings, SetupSettings, LooksSettings),
    "The vitals command": (StackSettings,),
}
"""Every settings class of the product, under the heading of its section."""

_NOTES = {
    "Kafka and database": "Commands use the embedded stack unless these are set.",
    "Topics and accounts": "Read by `vitals setup`, which creates what is missing; in containers, by"
    " the service `setup`. It reads `PATIENTS` and `SIMULATION_SEED` too: `PATIENTS=0` registers no demo"
    " patients.",
    "Monitor": "The monitor also reads the producers' two intervals.",
}

SET_BY_UP = frozenset(
    (
        *("KAFKA_BOOTSTRAP_SERVERS", "DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME"),
        *("DB_SSL_CA", "CADENCE_DB_USER", "CADENCE_DB_PASSWORD"),
        *("SPARK_JARS_DIR", "SPARK_CLASS_ARCHIVE", "OUTPUT_DIR", "PRODUCER_ID", "PATIENTS"),
        *("VITALS_HOME", "VITALS_CACHE"),
        *("STARTUP_WAIT_SECONDS", "LOG_FORMAT", "METRICS_PORT", "METRICS_HOST"),
        *("MONITOR_PORT", "METRICS_TARGETS", "BATCH_KEY_PATH", "BATCH_KEYS_DIR"),
    )
)
"""Names that `vitals up` sets for the processes it starts, whatever the environment says."""

_HEAD = """\
Settings are environment variables. Each may also be given as `NAME_FILE`, a path whose content is the
value: this is how containers receive secrets. Settings are read once, at startup, and all problems are
reported together. `vitals up` sets the names marked * for the processes it starts.

In containers, copy `.env.example` to `.env` and change what you need there."""

_ENV_EXAMPLE = Path(__file__).parents[2] / ".env.example"
_CONTAINERS = "Read by `docker compose` alone, from `.env` or the environment."


@dataclass(frozen=True)
class Setting:
    """One row: an environment variable and its possible values."""

    name: str
    default: str
    values: str
    meaning: str


def settings_page() -> str:
    """The whole page as Markdown."""
    return page_of((generated("Settings", "settings"), _HEAD, *_sections()))


def named_settings(kinds: Iterable[type[Settings]]) -> Iterator[Setting]:
    """Every setting of the classes, in their order."""
    for kind in kinds:
        texts, schema = meanings(kind), kind.model_json_schema()
        for name, field in kind.model_fields.items():
            default = "required" if field.is_required() else _default(name, field.default)
            values = _values(schema["properties"][name], schema.get("$defs", {}))
            yield Setting(name.upper(), default, values, texts.get(name, ""))


def container_settings() -> dict[str, Setting]:
    """Every setting of `.env.example` by its name; its meaning is the comment above the line, if any."""
    found: dict[str, Setting] = {}
    comment: list[str] = []
    for line in _ENV_EXAMPLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            comment.append(line.removeprefix("#").strip())
            continue
        if "=" in line:
            name, _, default = line.partition("=")
            found[name] = Setting(name, default, "", " ".join(comment))
        comment = []
    return found


def meanings(kind: type[Settings]) -> dict[str, str]:
    """What the fields of a class mean, those of base classes too: the string literal after each of them.

    pydantic can read these (``use_attribute_docstrings``), but does so when the class is created:
    that would parse the sources at every start of every process, which takes a tenth of a second or more.
    """
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, Settings):
            found |= _own_meanings(base)
    return found


def _own_meanings(kind: type[Settings]) -> dict[str, str]:
    source = textwrap.dedent(inspect.getsource(kind))
    (definition,) = ast.parse(source).body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    found = {}
    for field, text in itertools.pairwise(body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def _sections() -> Iterator[str]:
    seen: set[str] = set()
    in_containers = container_settings()
    for title, kinds in GROUPS.items():
        rows = [row for row in named_settings(kinds) if row.name not in seen]
        # a name that two classes of a group read appears once
        rows = list({row.name: row for row in reversed(rows)}.values())[::-1]
        seen |= {row.name for row in rows}
        yield f"## {title}"
        if title in _NOTES:
            yield _NOTES[title]
        head = ("name", "default", "values", "meaning")
        yield table(head, (_row(row, in_containers) for row in rows))
    yield f"## Containers only\n\n{_CONTAINERS}"
    others = (setting for setting in in_containers.values() if setting.name not in seen)
    yield table(
        ("name", "default", "meaning"),
        ((code(other.name), code(other.default), other.meaning) for other in others),
    )


def _row(row: Setting, in_containers: dict[str, Setting]) -> tuple[str, ...]:
    mark = " *" if row.name in SET_BY_UP else ""
    other = in_containers.get(row.name)
    differs = other and other.default and code(other.default) != row.default
    default = row.default + (f" ({code(other.default)} in containers)" if other and differs else "")
    return code(row.name) + mark, default, row.values, row.meaning


def _default(name: str, value: Any) -> str:
    if name == "producer_id":
        return "host and process id"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, float):
        return code(f"{value:g}" if value else "0.0")
    return code(value.value if isinstance(value, StrEnum) else value)


def _values(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The possible values, from the field's JSON schema."""
    options = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    (shape,) = options
    if reference := shape.get("$ref"):
        shape = definitions[reference.rsplit("/", 1)[1]]
    if "enum" in shape:
        return ", ".join(map(code, shape["enum"]))
    pattern = str(shape.get("pattern", ""))
    if pattern.startswith("^(") and pattern.endswith(")$"):
        return ", ".join(map(code, pattern[2:-2].split("|")))
    if shape["type"] in ("integer", "number"):
        return _range("whole number" if shape["type"] == "integer" else "number", shape)
    if shape["type"] == "boolean":
        return f"{code('true')}, {code('false')}"
    formats = {"password": "secret", "path": "path"}
    return formats.get(shape.get("format", ""), "text")


def _range(word: str, shape: dict[str, Any]) -> str:
    lower, upper = shape.get("minimum"), shape.get("maximum")
    if lower is None and upper is None:
        return word
    return f"{word}, {lower} to {upper}" if upper is not None else f"{word}, at least {lower}"
