"""All transforms in their order: Kafka rows in, one row a reading (or refused message) out."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from consumer.clean import with_detail, with_reason, with_series_rule, with_value
from consumer.decode import with_batch, with_batch_error, with_frame_error
from consumer.flatten import explode_readings, explode_series, select_messages


def clean_readings(messages: DataFrame) -> DataFrame:
    """From the Kafka source's columns to the contract with ``consumer.mapping.with_mapping_id``.

    Applied to the stream itself, once: on each micro-batch anew it would be analysed anew.
    """
    return (
        messages.transform(with_frame_error)
        .transform(with_batch)
        .transform(with_batch_error)
        .transform(select_messages)
        .transform(explode_series)
        .transform(with_series_rule)
        .transform(explode_readings)
        .transform(with_value)
        .transform(with_reason)
        .transform(with_detail)
        .transform(select_outcome)
    )


def select_outcome(readings: DataFrame) -> DataFrame:
    """What ``consumer.outcome`` sorts out, but for the mapping.

    An accepted reading carries canonical names and its value in the sensor's unit; any other one
    carries everything as it came.
    """
    is_accepted = F.col("reason").isNull()
    return readings.select(
        "partition",
        "offset",
        "kafka_ms",
        F.coalesce("series", F.lit(-1)).alias("series"),
        F.coalesce("position", F.lit(-1)).alias("position"),
        "reason",
        "detail",
        "batch_id",
        "patient_id",
        F.when(is_accepted, F.col("code")).otherwise(F.col("sensor")).alias("sensor"),
        F.when(is_accepted, F.col("part")).otherwise(F.col("component")).alias("component"),
        F.when(is_accepted, F.col("rule.unit")).otherwise(F.col("unit")).alias("unit"),
        F.when(is_accepted, F.col("value")).otherwise(F.col("raw_value")).alias("value"),
        "event_ms",
        "key",
        "body",
        "headers",
    )
