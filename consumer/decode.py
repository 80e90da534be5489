"""Message bytes to a decoded batch: frame and size are checked before anything is decoded.

``from_avro`` decodes bytes of another frame to silent nonsense, so the first ten bytes decide which
writer schema reads the rest, if any. Nor does it mind bytes behind the datum: a mark that nobody can
know is put behind them, and has to be what comes next when the datum is read.
"""

import secrets
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name that everybody knows
from pyspark.sql.avro.functions import from_avro

from schemas.batch import LONGEST_PATIENT_ID, UUID_PATTERN
from schemas.codec import MAX_MESSAGE_BYTES
from schemas.reasons import Reason
from schemas.versions import HEADER_SIZE, MAGIC, SchemaVersion, latest, versions

# new in each process, so that no message can bring it along
_MARK = secrets.token_bytes(16)


def with_frame_error(
    messages: DataFrame,
    *,
    max_bytes: int = MAX_MESSAGE_BYTES,
    known: Sequence[SchemaVersion] | None = None,
) -> DataFrame:
    """Adds ``message_error`` (null: may be decoded) and ``message_detail`` from ``value`` alone.

    ``known``: the versions that may be read, if not all published ones.
    """
    size = F.octet_length("value")
    headers = [F.lit(each.header) for each in known or versions()]
    error = (
        F.when(F.col("value").isNull() | (size == 0), Reason.EMPTY)
        .when(size > max_bytes, Reason.TOO_LARGE)
        .when((size < HEADER_SIZE) | (F.substring("value", 1, 2) != F.lit(MAGIC)), Reason.BAD_FRAME)
        .when(~F.substring("value", 1, HEADER_SIZE).isin(*headers), Reason.UNKNOWN_SCHEMA)
    )
    start = F.hex(F.substring("value", 1, HEADER_SIZE))
    detail = (
        F.when(F.col("value").isNull(), "no value at all (a tombstone)")
        .when(size == 0, "0 bytes")
        .when(size > max_bytes, F.format_string(f"%d bytes, at most {max_bytes} are read", size))
        .otherwise(F.concat(F.lit("starts with "), start))
    )
    return messages.withColumns({"message_error": error, "message_detail": detail})


def with_batch(
    messages: DataFrame,
    *,
    known: Sequence[SchemaVersion] | None = None,
    reader: SchemaVersion | None = None,
) -> DataFrame:
    """Adds ``batch`` (null where ``message_error`` is set or the bytes do not decode).

    Its last field ``end`` is no part of it: ``with_batch_error`` looks at it.

    Each of the ``known`` versions is read into ``reader``, the latest published one by default.
    """
    datum = F.concat(F.substring("value", HEADER_SIZE + 1, MAX_MESSAGE_BYTES), F.lit(_MARK))
    read_into = (reader or latest()).ended_json(len(_MARK))
    options = {"mode": "PERMISSIVE", "avroSchema": read_into}
    batch = F.when(F.col("message_error").isNotNull(), F.lit(None))
    for version in known or versions():
        header = F.substring("value", 1, HEADER_SIZE) == F.lit(version.header)
        batch = batch.when(header, from_avro(datum, version.ended_json(len(_MARK)), options))
    return messages.withColumn("batch", batch)


def with_batch_error(messages: DataFrame) -> DataFrame:
    """Completes ``message_error`` by what only the decoded batch shows."""
    error = (
        F.when(F.col("message_error").isNotNull(), F.col("message_error"))
        # PERMISSIVE turns garbage into a struct of nulls, not into a null
        .when(F.col("batch.batch_id").isNull() | F.col("batch.series").isNull(), Reason.UNDECODABLE)
        .when(F.col("batch.end") != F.lit(_MARK), Reason.UNDECODABLE)
        .when(~_is_text_valid(), Reason.UNDECODABLE)
        .when(~F.col("batch.batch_id").rlike(UUID_PATTERN), Reason.INVALID_BATCH)
        .when(~_is_patient_valid(), Reason.INVALID_BATCH)
    )
    detail = (
        F.when(F.col("message_error").isNotNull(), F.col("message_detail"))
        .when(F.col("batch.end") != F.lit(_MARK), "bytes follow the datum")
        .when(error == Reason.UNDECODABLE, "the frame is right, the datum is not")
        .when(error == Reason.INVALID_BATCH, "batch_id is no uuid, or patient_id is empty or long")
    )
    return messages.withColumns({"message_error": error, "message_detail": detail})


def _is_text_valid() -> Column:
    """Avro strings are bytes that nobody checked; the database and Arrow demand UTF-8."""

    def is_series_text_valid(series: Column) -> Column:
        return (
            F.is_valid_utf8(series["sensor"])
            & F.is_valid_utf8(F.coalesce(series["component"], F.lit("")))
            & F.is_valid_utf8(series["unit"])
        )

    # the producer's name is written nowhere, but other readers of the topic refuse such a message
    names = F.concat("batch.patient_id", "batch.batch_id", "batch.producer_id")
    return F.is_valid_utf8(names) & F.forall("batch.series", is_series_text_valid)


def _is_patient_valid() -> Column:
    length = F.length(F.trim("batch.patient_id"))
    return (length > 0) & (length <= LONGEST_PATIENT_ID)
