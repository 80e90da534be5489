"""What driver and workers hand each other; neither imports the other.

``WriterJob`` and ``MappingState`` travel to the workers with each micro-batch; a ``RangeSummary``
comes back for each transaction.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from common.settings import DatabaseSettings, KafkaSettings, TrustSettings
from db.ledger import RangeCounts
from db.write.bulk import LoadMethod
from schemas.files.trusted import TrustedFormat

IDLE_SECONDS = 60
"""After so long the database ends a silent session: a machine that is lost keeps no lock for longer."""


@dataclass(frozen=True)
class WriterJob:
    """What every task needs to know."""

    kafka: KafkaSettings
    trusted_folder: Path
    trusted_format: TrustedFormat
    load_method: LoadMethod
    database: DatabaseSettings
    trust: TrustSettings
    """Where the workers find the keys; never the keys: what Spark carries is not secret."""
    trusted_identity: str
    """Of the trusted folder as the driver sees it: a worker that sees another one writes nothing."""
    committed: Mapping[int, int]
    """The first uncommitted offset of each partition, as the database had it when the driver last
    heard: one that knows less has lost commits."""

    @property
    def topic(self) -> str:
        """The topic that is read."""
        return self.kafka.kafka_topic


@dataclass(frozen=True)
class MappingChange:
    """What no longer holds once the tables have reached ``state``."""

    state: int
    patient_ids: frozenset[str] | None
    """None: any patient may be affected."""
    mapping_ids: frozenset[int] = frozenset()
    """``paciente_sensor`` rows; the patients they belonged to before are affected, too."""


@dataclass(frozen=True)
class MappingState:
    """How old a worker's copy of the mappings may be, and where it reads newer ones."""

    database: DatabaseSettings
    state: int
    """A number that the driver counts up with each change of the tables."""
    changes: Sequence[MappingChange]
    """The latest changes, one per state, the newest last."""


@dataclass(frozen=True)
class RangeSummary:
    """What became of one range of one partition: one transaction, or none if already committed."""

    partition: int
    first: int
    """The first offset of the range."""
    until: int
    """The offset after its last one."""
    is_new: bool
    """False if another consumer had committed all of it."""
    counts: RangeCounts
    write_ms: int
    newest_ms: int | None
    """Time of the newest accepted reading, epoch ms."""
    retries: Mapping[str, int]
    """Transactions repeated in this process since its last summary, by class of the error."""

    def to_arrow(self) -> pa.RecordBatch:
        """One row of `SUMMARY`."""
        row = asdict(self)
        row |= row.pop("counts")
        for name in ("reasons", "retries"):
            row[name] = list(row[name].items())
        return pa.RecordBatch.from_pylist([row], SUMMARY)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From one row of `SUMMARY`, maps as dicts."""
        fields = dict(row)
        counts = RangeCounts(**{name: fields.pop(name) for name in _COUNTS})
        return cls(counts=counts, **fields)


_MAP = pa.map_(pa.string(), pa.int64())
_COUNTS = {
    "messages": pa.int64(),
    "repeated_messages": pa.int64(),
    "refused_messages": pa.int64(),
    "readings": pa.int64(),
    "accepted": pa.int64(),
    "unmapped": pa.int64(),
    "reasons": _MAP,
}
SUMMARY = pa.schema(
    {
        "partition": pa.int64(),
        "first": pa.int64(),
        "until": pa.int64(),
        "is_new": pa.bool_(),
        **_COUNTS,
        "write_ms": pa.int64(),
        "newest_ms": pa.int64(),
        "retries": _MAP,
    }
)
"""The columns that Spark carries from the workers to the driver."""

WritePartition = Callable[
    [WriterJob, MappingState, Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]
]
"""Commits the messages of one task; returns a `SUMMARY` row per transaction."""
