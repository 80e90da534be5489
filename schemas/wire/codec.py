"""SensorBatch to bytes and back: Avro single-object encoding."""

import contextlib
import io
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import fastavro

from common.errors import BadInputError
from schemas.batch import SensorBatch, Series
from schemas.cleaning.times import FIRST_TIME_MS
from schemas.wire import encode as columnar
from schemas.wire.versions import HEADER_SIZE, NAME, SchemaVersion, versions

CONTENT_TYPE = "avro/binary"
MOST_GATHERED_BYTES = 300_000
"""Single readings are gathered into a batch up to this upper bound of their size."""

FIRST_TAKEN = "first-taken"
"""Header of a batch that is published again: when it first arrived, epoch ms as text."""

KNOWN_SINCE = "known-since"
"""Header of a batch that is sent later than it was made: since when its values are known, epoch ms as
text. They replace none that was made known later."""

ORDERED_UNTIL = "ordered-until"
"""Header beside `KNOWN_SINCE`: whoever publishes the batch again has seen what was committed until then,
and publishes all of that in its old order. So only what was committed since is looked at, epoch ms."""

Headers = list[tuple[str, bytes]]

# as Spark reads one: int() would take underscores, and refuse what follows a point
_NUMBER = re.compile(rb"\s*([+-]?)0*(\d{1,19})(?:\.\d*)?\s*")


@dataclass(frozen=True, slots=True)
class Age:
    """What a batch that is not sent when it is made says about itself, epoch ms; None: nothing."""

    first_taken_ms: int | None = None
    """When Kafka first received it: the cleaning rules use that time."""
    known_ms: int | None = None
    """See `KNOWN_SINCE`."""
    ordered_ms: int | None = None
    """See `ORDERED_UNTIL`."""

    def headers(self) -> Headers:
        """As text that the console tools can print."""
        moments = {
            FIRST_TAKEN: self.first_taken_ms,
            KNOWN_SINCE: self.known_ms,
            ORDERED_UNTIL: self.ordered_ms,
        }
        return [(name, str(at).encode()) for name, at in moments.items() if at is not None]


FRESH = Age()
"""Sent when it was made."""


def taken_ms(kafka_ms: int, headers: Iterable[tuple[str, str | bytes | None]]) -> int:
    """When Kafka received a message; for one that is published again, when it first received it.

    So it is judged as it was then. ``kafka_ms``: the message's own timestamp, epoch ms; a header can only
    make it earlier. Of several `FIRST_TAKEN` the first one counts. The consumer's stream has the same rule
    for Spark: `consumer.driver.messages`.
    """
    said = next((value for name, value in headers if name == FIRST_TAKEN), None)
    found = _NUMBER.fullmatch(said.encode() if isinstance(said, str) else said or b"")
    first_ms = int(found[1] + found[2]) if found else kafka_ms
    return first_ms if FIRST_TIME_MS <= first_ms <= kafka_ms else kafka_ms


class Codec:
    """Encodes in one of the ``known`` versions; decodes every known version into that one.

    The product uses ``default_codec()``; a test adds an invented version to prove that old and new
    versions can read each other.
    """

    def __init__(
        self, known: Sequence[SchemaVersion], *, reader: SchemaVersion | None = None
    ) -> None:
        """``known``: oldest first; ``reader``: the one used here, by default the last."""
        self._writer = reader or known[-1]
        self._parsed = {
            version.header: fastavro.parse_schema(json.loads(version.plain_json), _force=True)
            for version in known
        }
        self._reader = self._parsed[self._writer.header]
        self._is_columnar = self._writer.header == columnar.WRITES

    def knows(self, body: bytes) -> bool:
        """Whether its frame names a version that `decode` can read."""
        return bytes(body[:HEADER_SIZE]) in self._parsed

    def encode(self, batch: SensorBatch) -> bytes:
        """The message body: header of the writer's version, then the datum.

        Raises fastavro's errors (TypeError, ValueError, OverflowError) for a field of the wrong
        type, AttributeError for anything but a batch.
        """
        if self._is_columnar:
            with contextlib.suppress(*columnar.REFUSALS):
                return self._writer.header + columnar.datum(batch)
        return self.reference(batch)

    def reference(self, batch: SensorBatch) -> bytes:
        """The same bytes as ``encode``, written by fastavro value by value."""
        out = io.BytesIO()
        out.write(self._writer.header)
        fastavro.schemaless_writer(out, self._reader, _datum(batch))
        return out.getvalue()

    def decode(self, body: bytes) -> SensorBatch:
        """The batch in ``body``.

        Raises:
            BadInputError: for another frame, an unknown fingerprint, a truncated datum, or bytes
                after it. fastavro alone would decode most random bytes to something.
        """
        schema = self._parsed.get(bytes(body[:HEADER_SIZE]))
        if schema is None:
            raise BadInputError(
                f"cannot decode a message of {len(body)} bytes: it starts with"
                f" {body[:HEADER_SIZE].hex(' ')}, which marks no known schema version",
                hint="was it written by a newer producer? update this side first",
            )
        stream = io.BytesIO(body)
        stream.seek(HEADER_SIZE)
        try:
            datum: Any = fastavro.schemaless_reader(stream, schema, self._reader)
        except (EOFError, ValueError, IndexError, OverflowError, MemoryError) as error:
            cause = "it is cut off" if isinstance(error, EOFError) else error
            raise BadInputError(f"cannot decode a message of {len(body)} bytes: {cause}") from error
        if stream.tell() != len(body):
            raise BadInputError(
                f"cannot decode a message of {len(body)} bytes: {len(body) - stream.tell()} too many"
            )
        return batch_from(datum)

    def headers(self, batch: SensorBatch, age: Age = FRESH) -> Headers:
        """Kafka headers in text that the console tools can print."""
        return [
            ("content-type", CONTENT_TYPE.encode()),
            ("schema", NAME.encode()),
            ("schema-version", str(self._writer.version).encode()),
            ("batch-id", batch.batch_id.encode()),
            ("producer-id", batch.producer_id.encode()),
            *age.headers(),
        ]


@cache
def default_codec() -> Codec:
    """The codec of all published versions."""
    return Codec(versions())


def batch_from(document: dict[str, Any]) -> SensorBatch:
    """A batch from its fields as a dict (decoded Avro, or a line of the archive: null is NaN)."""
    series = tuple(
        Series(
            sensor=run["sensor"],
            component=run["component"],
            unit=run["unit"],
            start=run["start"],
            interval_ms=run["interval_ms"],
            values=[math.nan if value is None else value for value in run["values"]],
        )
        for run in document["series"]
    )
    return SensorBatch(
        batch_id=document["batch_id"],
        patient_id=document["patient_id"],
        producer_id=document["producer_id"],
        window_start=document["window_start"],
        produced_at=document["produced_at"],
        series=series,
    )


def _datum(batch: SensorBatch) -> dict[str, Any]:
    head = {field.name: getattr(batch, field.name) for field in fields(SensorBatch)}
    return {**head, "series": [vars(series) for series in batch.series]}
