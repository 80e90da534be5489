"""A message as the workers get it: its place, its time, its bytes."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from schemas.cleaning.times import FIRST_TIME_MS
from schemas.wire.codec import FIRST_TAKEN


def select_messages(messages: DataFrame) -> DataFrame:
    """From the Kafka source's columns to those that `consumer.worker.readings.cleaned` reads.

    Applied once, to the stream itself: Spark would analyse it again for each micro-batch.
    """
    return messages.select(
        "partition", "offset", _taken_ms().alias("kafka_ms"), "key", "value", "headers"
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
