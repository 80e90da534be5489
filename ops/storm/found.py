"""What the pipeline has made of it all, read from every place where it keeps something.

It shares no code with `ops.reconcile`: each checks the other. For the same reason it has
its own names and columns of the trusted files, and does not ask `schemas.files.trusted`.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.broker.reader import messages_of
from common.errors import BadInputError
from common.settings import DatabaseSettings, KafkaSettings
from db.connection import Connection, connect
from db.moments import EPOCH_MS_SQL
from ops.storm.expected import READINGS, Instant, table_of
from schemas.batch import SensorBatch
from schemas.files.raw import batches_in

_KEY = ["batch_id", "series", "position"]
_REGISTRO = (
    "SELECT p.identificador, s.codigo, r.componente,"
    f" {EPOCH_MS_SQL.format('r.created_at')},"
    " CAST(r.valor * 1000 AS SIGNED) FROM registro r"
    " JOIN paciente_sensor ps ON ps.id = r.paciente_sensor_id"
    " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id = ps.sensor_id"
)
_READING = [*_KEY, "patient_id", "sensor", "component", "unit", "event_ms"]
_PLACE = ["partition", "offset"]
_TYPES = {
    **{field.name: field.type for field in READINGS},
    "topic": pa.string(),
    "partition": pa.int32(),
    "offset": pa.int64(),
}
_REGISTRO_ROW, _TRUSTED_ROW, _QUARANTINED_ROW = (
    pa.schema([(name, _TYPES[name]) for name in names])
    for names in (
        [*Instant._fields, "thousandths"],
        [*_READING, "thousandths", "topic", *_PLACE],
        [*_READING, "raw", "reason", *_PLACE],
    )
)
_QUARANTINED = (
    "SELECT lote_id, serie, posicao, paciente, sensor, componente, unidade,"
    f" {EPOCH_MS_SQL.format('medido_em')}, valor_bruto, motivo, particao, deslocamento"
    " FROM quarentena WHERE topico = %s AND posicao >= 0"
)
_REFUSED = (
    "SELECT particao, deslocamento, chave, mensagem FROM quarentena"
    " WHERE topico = %s AND posicao < 0"
)
_FILES = "SELECT arquivos FROM livro_razao WHERE topico = %s"
_LEDGER = (
    "SELECT particao, deslocamento_inicial, deslocamento_final, mensagens, leituras, aceitas"
    " FROM livro_razao WHERE topico = %s ORDER BY particao, deslocamento_inicial"
)
# a log may not name a patient
_NAMED_PATIENT = re.compile(r"\bdemo-\d{6}\b")
# errors of statements that the server will never accept: no fault explains them
_BROKEN_STATEMENT = re.compile(r"\b(IntegrityError|DataError|ProgrammingError|DataRefusedError)\b")


@dataclass(frozen=True)
class LedgerRange:
    """One row of the ledger."""

    partition: int
    first: int
    until: int
    messages: int
    readings: int
    accepted: int


@dataclass
class Archive:
    """The raw archive."""

    batches: dict[str, SensorBatch] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    """Files in the outbox."""
    broken: list[str] = field(default_factory=list)


@dataclass
class Topic:
    """The topic of the batches."""

    name: str
    places: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    """By batch id: the partition and offset of each of its messages."""
    offsets: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """By partition: the offsets that hold a message; others are markers, or were aborted."""


class Letter(NamedTuple):
    """A message of the dead-letter topic."""

    key: bytes
    body: bytes
    headers: tuple[tuple[str, str], ...]


@dataclass
class Found:
    """Everything found at the end.

    The tables have the columns of `ops.storm.expected`; those of the trusted files and the quarantine
    have partition and offset as well, the former also the topic.
    """

    archive: Archive
    half_files: list[str]
    topic: Topic
    registro: pa.Table
    trusted: pa.Table
    missing_files: list[str]
    foreign_files: list[str]
    quarantined: pa.Table
    refused: list[tuple[int, int, bytes, bytes]]
    """Refused messages, kept whole: partition, offset, key, body."""
    dead_letters: dict[tuple[int, int], list[Letter]]
    """By the partition and offset that the copy names."""
    ledger: list[LedgerRange]
    broken_statements: list[str]
    """Log lines of failed statements that no fault explains."""
    named_patients: list[str]
    """Places in the logs where a patient is named."""


def read_everything(
    kafka: KafkaSettings,
    database: DatabaseSettings,
    output: Path,
    logs: Path,
    say: Callable[[str], object],
) -> Found:
    """Reads everything while the pipeline is idle. Raises VitalsError if a service is away."""
    topic = kafka.kafka_topic
    say("reading the archive and the topic")
    archive, published = _archive(output / "raw"), _topic(kafka)
    say("reading the database")
    with connect(database) as connection:
        registro = read_registro(connection)
        quarantined = _rows(connection, _QUARANTINED, (topic,))
        refused = _rows(connection, _REFUSED, (topic,))
        ledger = [LedgerRange(*row) for row in _rows(connection, _LEDGER, (topic,))]
        files_of = _rows(connection, _FILES, (topic,))
    names = [name for (text,) in files_of for name in json.loads(text)]
    say("reading the trusted files")
    files = _listed(output / "trusted", "date=*/*")
    return Found(
        archive=archive,
        half_files=_listed(output, "**/*.tmp"),
        topic=published,
        registro=registro,
        trusted=_trusted(output / "trusted", [name for name in names if name in files]),
        missing_files=sorted(set(names) - set(files)),
        foreign_files=sorted(set(files) - set(names)),
        quarantined=table_of(quarantined, _QUARANTINED_ROW),
        refused=refused,
        dead_letters=_dead_letters(kafka),
        ledger=ledger,
        broken_statements=_log_lines(logs, "consumer*.log", _BROKEN_STATEMENT),
        named_patients=_log_lines(logs, "*.log", _NAMED_PATIENT),
    )


def read_registro(connection: Connection) -> pa.Table:
    """All rows of ``registro``, by the names of `Instant`, with their ``thousandths``."""
    return table_of(_rows(connection, _REGISTRO, ()), _REGISTRO_ROW)


def _archive(raw: Path) -> Archive:
    archive = Archive(pending=_listed(raw, "pending/*.jsonl"), broken=_listed(raw, "broken/*"))
    for name in [*archive.pending, *_listed(raw, "date=*/*.jsonl")]:
        try:
            archive.batches |= {batch.batch_id: batch for batch in batches_in([raw / name])}
        except BadInputError:
            archive.broken.append(name)
    return archive


def _topic(kafka: KafkaSettings) -> Topic:
    topic = Topic(kafka.kafka_topic)
    for message in messages_of(kafka, kafka.kafka_topic):
        partition, offset = message.partition() or 0, message.offset() or 0
        topic.offsets[partition].append(offset)
        if batch_id := dict(message.headers() or []).get("batch-id"):
            topic.places[_text(batch_id)].append((partition, offset))
    return topic


def _dead_letters(kafka: KafkaSettings) -> dict[tuple[int, int], list[Letter]]:
    letters = defaultdict(list)
    for message in messages_of(kafka, kafka.kafka_dlq_topic):
        headers = tuple(
            (name, _text(value)) for name, value in dict(message.headers() or []).items()
        )
        named = dict(headers)
        place = (int(named["dlq-partition"]), int(named["dlq-offset"]))
        letters[place].append(Letter(message.key() or b"", message.value() or b"", headers))
    return letters


def _text(header: str | bytes | None) -> str:
    return header.decode() if isinstance(header, bytes) else header or ""


def _trusted(folder: Path, names: Iterable[str]) -> pa.Table:
    tables = [pq.read_table(folder / name, partitioning=None) for name in names]
    if not tables:
        return _TRUSTED_ROW.empty_table()
    rows = pa.concat_tables(tables)
    thousandths = pc.round(pc.multiply(rows["value"], 1000)).cast(pa.int64())
    rows = rows.append_column("thousandths", thousandths)
    rows = rows.append_column("event_ms", rows["event_time"].cast(pa.int64()))
    return rows.select(_TRUSTED_ROW.names).cast(_TRUSTED_ROW)


def _rows(connection: Connection, query: str, values: tuple[str, ...]) -> list[tuple[Any, ...]]:
    cursor = connection.cursor()
    cursor.execute(query, values)
    return list(cursor.fetchall())


def _listed(folder: Path, pattern: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob(pattern))


def _log_lines(logs: Path, pattern: str, sought: re.Pattern[str]) -> list[str]:
    return [
        f"{path.name}:{number}: {match.group()}"
        for path in sorted(logs.glob(pattern))
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        )
        if (match := sought.search(line))
    ]
