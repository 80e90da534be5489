"""Static frames in the shape of the Kafka source, and the transforms' answer to them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, Row, SparkSession
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

from consumer.mapping import with_mapping_id
from consumer.transform import clean_readings
from schemas.batch import Series
from schemas.codec import default_codec
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
_PERIOD = pa.struct([("mapping_id", pa.int32()), ("from_ms", pa.int64()), ("until_ms", pa.int64())])
_MAPPING = pa.schema(
    [("mapped_patient", pa.string()), ("mapped_code", pa.string()), ("periods", pa.list_(_PERIOD))]
)
Mapping = tuple[str, str, Sequence[tuple[int, int, int]]]


HEADERS = (("producer-id", b"p1"),)


def messages_frame(
    spark: SparkSession,
    bodies: Iterable[bytes | None],
    headers: Sequence[tuple[str, bytes | None]] | None = HEADERS,
) -> DataFrame:
    """One Kafka row a body, at offsets 0, 1, ..., taken by Kafka at ``NOW``."""
    taken = datetime.fromtimestamp(NOW / 1000, UTC)
    kept = None if headers is None else list(headers)
    rows = [
        (b"key", body, "sensor-batches", 3, offset, taken, kept)
        for offset, body in enumerate(bodies)
    ]
    return spark.createDataFrame(rows, KAFKA_COLUMNS)


def mapping_frame(spark: SparkSession, mappings: Iterable[Mapping] = ()) -> DataFrame:
    """Patient, sensor code, and periods of (mapping id, from, until)."""
    rows = [
        {
            "mapped_patient": patient_id,
            "mapped_code": code,
            "periods": [
                {"mapping_id": each[0], "from_ms": each[1], "until_ms": each[2]} for each in periods
            ],
        }
        for patient_id, code, periods in mappings
    ]
    return spark.createDataFrame(pa.Table.from_pylist(rows, _MAPPING))


def cleaned(
    spark: SparkSession, bodies: Iterable[bytes | None], mappings: Iterable[Mapping] = ()
) -> list[Row]:
    """What the transforms make of these messages, in the order of the topic."""
    mapping = mapping_frame(spark, mappings)
    frame = clean_readings(messages_frame(spark, bodies)).transform(with_mapping_id, mapping)
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
