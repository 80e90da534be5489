"""A decoded message as the workers get it: its identity, and its series or why it was refused."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from consumer.decode import with_batch, with_batch_error, with_frame_error
from consumer.times import FIRST_TIME_MS
from schemas.codec import FIRST_TAKEN


def decode_messages(messages: DataFrame) -> DataFrame:
    """From the Kafka source's columns to the contract with ``consumer.clean``: one row a message.

    Applied to the stream itself, once: on each micro-batch anew it would be analysed anew.
    """
    return (
        messages.transform(with_frame_error)
        .transform(with_batch)
        .transform(with_batch_error)
        .transform(select_messages)
    )


def select_messages(messages: DataFrame) -> DataFrame:
    """A message's identity, its error or its series, its bytes only where they count."""
    is_refused = F.col("message_error").isNotNull()
    is_read = ~is_refused
    return messages.select(
        "partition",
        "offset",
        _taken_ms().alias("kafka_ms"),
        F.col("message_error").alias("reason"),
        F.when(is_refused, F.col("message_detail")).alias("detail"),
        F.when(is_read, F.col("batch.batch_id")).alias("batch_id"),
        F.when(is_read, F.col("batch.patient_id")).alias("patient_id"),
        F.when(is_refused, F.col("key")).alias("key"),
        F.when(is_refused, F.col("value")).alias("body"),
        F.when(is_refused, F.to_json("headers")).alias("headers"),
        F.when(is_read, F.col("batch.series")).alias("all_series"),
    )


def _taken_ms() -> Column:
    """When Kafka took the message; of a batch that is published again, when it came first.

    So it is decided as it was then. A header can only make the time earlier, never let a reading of
    the future pass.
    """
    kafka_ms = F.unix_millis("timestamp")
    header = F.get(F.filter("headers", lambda each: each["key"] == FIRST_TAKEN), F.lit(0))
    first_ms = header["value"].cast("string").cast("long")
    return F.when(first_ms.between(F.lit(FIRST_TIME_MS), kafka_ms), first_ms).otherwise(kafka_ms)
