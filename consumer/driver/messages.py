"""A message as the workers get it: its place, its time, its bytes."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from common.broker.limits import (
    KEPT_BYTES,
    MAX_HEADERS,
    MAX_HEADERS_BYTES,
    MAX_KEY_BYTES,
    MAX_MESSAGE_BYTES,
)
from schemas.cleaning.times import FIRST_TIME_MS
from schemas.wire.codec import FIRST_TAKEN


def select_messages(messages: DataFrame) -> DataFrame:
    """From the Kafka source's columns to those that `consumer.worker.readings.cleaned` reads.

    Applied once, to the stream itself: Spark would analyse it again for each micro-batch.
    """
    is_large = F.length("value") > MAX_MESSAGE_BYTES
    has_long_key = F.length("key") > MAX_KEY_BYTES
    headers_bytes = F.coalesce(
        F.aggregate(
            "headers", F.lit(0).cast("long"), lambda total, header: total + _bytes_of(header)
        ),
        F.lit(0),
    )
    header_count = F.coalesce(F.size("headers"), F.lit(0))
    # what is too large stays in the JVM
    return messages.select(
        "partition",
        "offset",
        _taken_ms().alias("kafka_ms"),
        F.when(has_long_key, F.substring("key", 1, KEPT_BYTES))
        .otherwise(F.col("key"))
        .alias("key"),
        F.when(is_large, F.substring("value", 1, KEPT_BYTES))
        .otherwise(F.col("value"))
        .alias("value"),
        F.when(
            (headers_bytes <= MAX_HEADERS_BYTES) & (header_count <= MAX_HEADERS), F.col("headers")
        ).alias("headers"),
        F.coalesce(F.length("value"), F.lit(0)).cast("long").alias("body_bytes"),
        F.coalesce(F.length("key"), F.lit(0)).cast("long").alias("key_bytes"),
        headers_bytes.alias("headers_bytes"),
        header_count.cast("long").alias("header_count"),
        F.when(is_large, F.sha2("value", 256)).alias("body_sha256"),
    )


def _bytes_of(header: Column) -> Column:
    return sum(
        (F.coalesce(F.octet_length(header[name]), F.lit(0)) for name in ("key", "value")), F.lit(0)
    )


def _taken_ms() -> Column:
    """When Kafka received the message; for a republished batch, when it first received it.

    So the batch is judged as it was then. A header can only make the time earlier, so no reading
    from the future passes.
    """
    kafka_ms = F.unix_millis("timestamp")
    header = F.get(F.filter("headers", lambda header: header["key"] == FIRST_TAKEN), F.lit(0))
    first_ms = header["value"].cast("string").cast("long")
    return F.when(first_ms.between(F.lit(FIRST_TIME_MS), kafka_ms), first_ms).otherwise(kafka_ms)
