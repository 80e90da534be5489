"""Static frames in the shape of the Kafka source, and what the transforms make of them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from common.settings import TrustSettings
from consumer.driver.messages import select_messages
from consumer.worker.mapping import Mappings
from consumer.worker.readings import READINGS
from consumer.worker.readings import cleaned as cleaned_batches_of
from schemas.batch import Series
from schemas.wire.codec import default_codec
from tests.builders import NOW, batch

KAFKA_COLUMNS = StructType(
    [
        StructField("key", BinaryType()),
        StructField("value", BinaryType()),
        StructField("topic", StringType()),
        StructField("partition", IntegerType()),
        StructField("offset", LongType()),
        StructField("timestamp", TimestampType()),
        StructField(
            "headers",
            ArrayType(
                StructType([StructField("key", StringType()), StructField("value", BinaryType())])
            ),
        ),
    ]
)
Mapping = tuple[str, str, Sequence[tuple[int, int, int]]]


HEADERS = (("producer-id", b"p1"),)
UNSIGNED = TrustSettings(require_authentic=False)


def messages_frame(
    spark: SparkSession,
    bodies: Iterable[bytes | None],
    headers: Sequence[tuple[str, bytes | None]] | None = HEADERS,
) -> DataFrame:
    """One Kafka row per body, at offsets 0, 1, ..., received by Kafka at ``NOW``."""
    taken = datetime.fromtimestamp(NOW / 1000, UTC)
    kept = None if headers is None else list(headers)
    rows = [
        (b"key", body, "sensor-batches", 3, offset, taken, kept)
        for offset, body in enumerate(bodies)
    ]
    return spark.createDataFrame(rows, KAFKA_COLUMNS)


def mappings_of(mappings: Iterable[Mapping] = ()) -> Mappings:
    """Patient, sensor code, and periods of (mapping id, from, until)."""
    found: dict[str, dict[str, Sequence[tuple[int, int, int]]]] = {}
    for patient_id, code, periods in mappings:
        found.setdefault(patient_id, {})[code] = periods
    return found


def cleaned_frame(messages: DataFrame, mappings: Iterable[Mapping] = ()) -> DataFrame:
    """What Spark decodes and a worker cleans of these messages."""
    known = mappings_of(mappings)
    # Spark has no dictionaries
    plain = pa.schema([(field.name, _plain_type(field.type)) for field in READINGS])
    return select_messages(messages).mapInArrow(
        lambda batches: (
            part
            for found in cleaned_batches_of(batches, lambda _: known, UNSIGNED)
            for part in found.rows.cast(plain).to_batches()
        ),
        from_arrow_schema(plain),
    )


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def cleaned(
    spark: SparkSession, bodies: Iterable[bytes | None], mappings: Iterable[Mapping] = ()
) -> list[Row]:
    """What becomes of these messages, in the order of the topic."""
    frame = cleaned_frame(messages_frame(spark, bodies), mappings)
    return sorted(frame.collect(), key=lambda row: (row.offset, row.series, row.position))


def cleaned_batches(
    spark: SparkSession, batches: Sequence[Sequence[Series]], mappings: Iterable[Mapping] = ()
) -> dict[int, list[Row]]:
    """The rows of each batch (a sequence of series), by its place in ``batches``."""
    bodies = [default_codec().encode(batch(*runs)) for runs in batches]
    found: dict[int, list[Row]] = {index: [] for index in range(len(bodies))}
    for row in cleaned(spark, bodies, mappings):
        found[row.offset].append(row)
    return found


def reasons(rows: Iterable[Any]) -> list[str | None]:
    """The reasons alone; None is an accepted reading."""
    return [row.reason for row in rows]
