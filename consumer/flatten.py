"""A decoded message to one row a reading; a message that yields none keeps one row of its own.

Every message must reach the writer, which reads the committed range off the rows: so the explodes
are outer ones, and a message that cannot be decoded arrives as a row with ``message_error``.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from schemas.catalogue import COMPONENTLESS, canonical_rule
from schemas.codec import FIRST_TAKEN

MESSAGE_COLUMNS = (
    "partition",
    "offset",
    "kafka_ms",
    "message_error",
    "message_detail",
    "batch_id",
    "patient_id",
    "key",
    "body",
    "headers",
)


FIRST_TIME_MS = -30_610_224_000_000
LAST_TIME_MS = 253_402_300_799_999
"""1000-01-01 and the last millisecond of 9999 (UTC): what a DATETIME column can hold."""


def canonical(text: Column) -> Column:
    """``schemas.catalogue.canonical_name`` as a native column."""
    rule = canonical_rule()
    plain = F.translate(F.lower(text), rule.accented + rule.marks, rule.plain)
    return F.trim(F.regexp_replace(plain, rule.separators, "_"), F.lit("_"))


def select_messages(messages: DataFrame) -> DataFrame:
    """One row a message: its identity, its error or its series, its bytes only where they count."""
    is_refused = F.col("message_error").isNotNull()
    is_read = ~is_refused
    return messages.select(
        "partition",
        "offset",
        _taken_ms().alias("kafka_ms"),
        "message_error",
        "message_detail",
        F.when(is_read, F.col("batch.batch_id")).alias("batch_id"),
        F.when(is_read, F.col("batch.patient_id")).alias("patient_id"),
        F.when(is_refused, F.col("key")).alias("key"),
        F.when(is_refused, F.col("value")).alias("body"),
        F.when(is_refused, F.to_json("headers")).alias("headers"),
        F.when(is_read, F.transform("batch.series", _canonical_series)).alias("all_series"),
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


def explode_series(messages: DataFrame) -> DataFrame:
    """One row a series; ``systolic`` and ``diastolic`` hold the batch's pressure series for all."""
    return messages.select(
        *MESSAGE_COLUMNS,
        _component("sistolica").alias("systolic"),
        _component("diastolica").alias("diastolic"),
        F.posexplode_outer("all_series").alias("series", "run"),
    ).select(
        *MESSAGE_COLUMNS,
        "systolic",
        "diastolic",
        "series",
        "run.*",
        F.col("run.start").between(FIRST_TIME_MS, LAST_TIME_MS).alias("is_start_valid"),
    )


def explode_readings(series: DataFrame) -> DataFrame:
    """One row a reading: ``position`` in its series, ``raw_value``, ``event_ms`` (null: no time)."""
    kept = [name for name in series.columns if name != "values"]
    steps = F.coalesce(F.col("position"), F.lit(0)).cast("long") * F.col("interval_ms")
    # a start that is no time stays out of the sum, which it could overflow
    event_ms = F.when(F.col("is_start_valid"), F.col("start") + steps)
    is_time = event_ms.between(FIRST_TIME_MS, LAST_TIME_MS)
    return series.select(
        *kept, F.posexplode_outer("values").alias("position", "raw_value")
    ).withColumn("event_ms", F.when(is_time, event_ms))


def _canonical_series(series: Column) -> Column:
    component = F.nullif(canonical(series["component"]), F.lit(""))
    return F.struct(
        canonical(series["sensor"]).alias("code"),
        F.coalesce(component, F.lit(COMPONENTLESS)).alias("part"),
        F.lower(F.replace(series["unit"], F.lit(" "), F.lit(""))).alias("unit_key"),
        *(series[name].alias(name) for name in ("sensor", "component", "unit", "start")),
        *(series[name].alias(name) for name in ("interval_ms", "values")),
    )


def _component(part: str) -> Column:
    return F.filter(
        "all_series", lambda each: (each["code"] == "pressao_arterial") & (each["part"] == part)
    )
