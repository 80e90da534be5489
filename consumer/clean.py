"""The cleaning rules: each reading gets its value in the sensor's unit, or a reason.

A rule depends on the message alone (its bytes and its Kafka timestamp), never on now: the same
message is decided the same however often it is read. To change a limit or a unit, edit
``schemas/catalogue.json``; to change a rule, edit the one function here that is named after it.
"""

from functools import cache

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from schemas.catalogue import COMPONENTLESS, Component, Limits, Sensor, canonical_unit, sensors
from schemas.reasons import Reason

FUTURE_TOLERANCE_MS = 300_000
"""How far a reading may be ahead of its message (a clock that goes wrong by minutes)."""


def with_series_rule(series: DataFrame) -> DataFrame:
    """Adds ``rule`` (unit, conversion, limits; null where unknown) and ``series_error``."""
    code, part = F.col("code"), F.col("part")
    rule = _rule(code, part, F.col("unit_key"))
    error = (
        F.when(~code.isin(*(each.code for each in sensors())), Reason.UNKNOWN_SENSOR)
        .when(~F.concat_ws("|", code, part).isin(*_known_components()), Reason.UNKNOWN_COMPONENT)
        .when(rule.isNull(), Reason.UNKNOWN_UNIT)
        .when((F.size("values") > 1) & (F.col("interval_ms") <= 0), Reason.INVALID_TIME)
    )
    return series.withColumns({"rule": rule, "series_error": error})


def with_value(readings: DataFrame) -> DataFrame:
    """Adds ``value``: the raw value in the sensor's own unit, not rounded."""
    return readings.withColumn("value", _converted(F.col("raw_value"), F.col("rule")))


def with_reason(readings: DataFrame) -> DataFrame:
    """Adds ``reason`` (null: accepted) by the first rule that a reading breaks."""
    value = F.col("value")
    reason = (
        F.when(F.col("message_error").isNotNull(), F.col("message_error"))
        # a message or a series without readings
        .when(F.col("position").isNull(), F.lit(None))
        .when(F.col("series_error").isNotNull(), F.col("series_error"))
        .when(F.col("event_ms").isNull(), Reason.INVALID_TIME)
        .when(_is_future(), Reason.FUTURE_TIMESTAMP)
        # Spark holds NaN to be larger than any number: look for it before any comparison
        .when(value.isNull() | F.isnan(value), Reason.MISSING)
        .when(F.abs(value) == float("inf"), Reason.NOT_FINITE)
        .when(~_is_plausible(value, F.col("rule")), Reason.OUT_OF_RANGE)
        .when(_is_pressure_inverted(), Reason.PRESSURE_INVERTED)
    )
    return readings.withColumn("reason", reason)


def with_detail(readings: DataFrame) -> DataFrame:
    """Adds ``detail``: what a person wants to know about the reason."""
    seconds = ((F.col("event_ms") - F.col("kafka_ms")) / 1000).cast("long")
    detail = (
        F.when(F.col("message_error").isNotNull(), F.col("message_detail"))
        .when(
            F.col("reason") == Reason.OUT_OF_RANGE,
            F.concat(F.lit("plausible: "), F.col("rule.limits"), F.lit(" "), F.col("rule.unit")),
        )
        .when(
            F.col("reason") == Reason.FUTURE_TIMESTAMP,
            F.concat(seconds.cast("string"), F.lit(" s ahead of its message")),
        )
        .when(
            F.col("reason") == Reason.INVALID_TIME,
            F.concat_ws(" ", F.lit("start"), "start", F.lit("interval"), "interval_ms"),
        )
    )
    return readings.withColumn("detail", detail)


def _is_future() -> Column:
    return F.col("event_ms") > F.col("kafka_ms") + FUTURE_TOLERANCE_MS


def _is_plausible(value: Column, rule: Column) -> Column:
    above = F.when(rule["is_lower_allowed"], value >= rule["lower"]).otherwise(
        value > rule["lower"]
    )
    below = F.when(rule["is_upper_allowed"], value <= rule["upper"]).otherwise(
        value < rule["upper"]
    )
    return above & below


def _is_pressure_inverted() -> Column:
    """True for both values of a pair in the same batch and instant unless systolic > diastolic."""
    part, value = F.col("part"), F.col("value")
    is_pressure = F.col("code") == "pressao_arterial"
    return (
        F.when(
            is_pressure & (part == "sistolica"),
            F.exists("diastolic", lambda run: value <= _value_at(run, F.col("event_ms"))),
        )
        .when(
            is_pressure & (part == "diastolica"),
            F.exists("systolic", lambda run: _value_at(run, F.col("event_ms")) <= value),
        )
        .otherwise(F.lit(False))
    )


def _value_at(run: Column, event_ms: Column) -> Column:
    """A series' converted value at an instant; null where it has none there, or NaN."""
    interval = F.greatest(run["interval_ms"].cast("long"), F.lit(1))
    since = event_ms - run["start"]
    is_time = (run["interval_ms"] > 0) | (F.size(run["values"]) == 1)
    is_inside = (since >= 0) & (since < F.size(run["values"]) * interval)
    is_sample = is_time & is_inside & (since % interval == 0)
    raw = F.when(is_sample, F.get(run["values"], (since / interval).cast("int")))
    value = _converted(raw, _rule(run["code"], run["part"], run["unit_key"]))
    # `x <= NaN` is true in Spark: a missing partner says nothing
    return F.when(~F.isnan(value), value)


def _converted(value: Column, rule: Column) -> Column:
    return (value - rule["subtract"]) * rule["multiply"] / rule["divide"]


def _rule(code: Column, part: Column, unit_key: Column) -> Column:
    return F.element_at(_rules(), F.concat_ws("|", code, part, unit_key))


@cache
def _rules() -> Column:
    # some eight thousand calls to the JVM, a second or more: not for each of its uses
    return F.create_map(*_rule_entries())


def _rule_entries() -> list[Column]:
    entries: list[Column] = []
    for sensor in sensors():
        for component in sensor.components:
            for unit in sensor.units:
                conversion = (unit.subtract, unit.multiply, unit.divide)
                for name in sorted({canonical_unit(each) for each in unit.names}):
                    entries.append(F.lit(f"{sensor.code}|{_part(component)}|{name}"))
                    entries.append(_rule_struct(sensor, component.limits, conversion))
    return entries


def _rule_struct(sensor: Sensor, limits: Limits, conversion: tuple[float, float, float]) -> Column:
    left, right = "[" if limits.is_lower_allowed else "(", "]" if limits.is_upper_allowed else ")"
    fields = {
        "unit": sensor.unit,
        "subtract": float(conversion[0]),
        "multiply": float(conversion[1]),
        "divide": float(conversion[2]),
        "lower": float(limits.lower),
        "upper": float(limits.upper),
        "is_lower_allowed": limits.is_lower_allowed,
        "is_upper_allowed": limits.is_upper_allowed,
        "limits": f"{left}{limits.lower}, {limits.upper}{right}",
    }
    return F.struct(*(F.lit(value).alias(name) for name, value in fields.items()))


def _known_components() -> list[str]:
    return [f"{each.code}|{_part(part)}" for each in sensors() for part in each.components]


def _part(component: Component) -> str:
    return component.code or COMPONENTLESS
