"""How the cleaning rules judge one reading, one by one, with the rules' own code."""

import math
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from db.write.registro import DECIMALS, rounded
from ops.explain.question import iso
from schemas.batch import SensorBatch, Series
from schemas.cleaning.clean import ORDER, Judged, judge
from schemas.cleaning.flatten import ReadingArrays, arrays_of
from schemas.cleaning.rules import SeriesRule
from schemas.cleaning.times import FUTURE_TOLERANCE_MS
from schemas.reasons import Reason


class Outcome(StrEnum):
    """The outcome of one rule; the first that fails decides, and later ones are not asked."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Step:
    """One rule: its input, and its result or the limit it checked."""

    rule: str
    reason: str | None
    """The reason of a reading that fails it."""
    outcome: Outcome
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """``reason`` None: accepted; ``value`` is what is written, in ``unit``."""

    reason: Reason | None
    raw_value: float
    raw_unit: str
    value: float
    unit: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class _Case:
    """The reading within its message."""

    run: Series
    position: int
    rule: SeriesRule
    value: float
    """In the sensor's unit, not rounded."""
    event_ms: int | None
    taken_ms: int
    partners: str
    """The other values of a blood pressure at the same instant."""

    @property
    def raw_value(self) -> float:
        return float(self.run.values[self.position])


def judgement(batch: SensorBatch, series: int, position: int, taken_ms: int) -> Judgement:
    """Judges one reading of a batch as the consumer does if Kafka received it at ``taken_ms``."""
    runs, readings = arrays_of(batch)
    judged = judge(runs, readings, pa.array([taken_ms], pa.int64()).to_numpy())
    row = sum(len(run.values) for run in batch.series[:series]) + position
    reason = judged.reason_names[row].as_py()
    broken = None if reason is None else Reason(reason)
    case = _Case(
        run=batch.series[series],
        position=position,
        rule=judged.rules[int(judged.rule[row])],
        value=float(judged.value[row]),
        event_ms=int(readings.event_ms[row]) if readings.is_time[row] else None,
        taken_ms=taken_ms,
        partners=_partners(judged, readings, row),
    )
    texts = _texts(case)
    steps = []
    for reason in ORDER:
        name, before, after = texts[reason]
        steps.append(Step(name, str(reason), _outcome(reason, broken), before, after))
    value = case.value if broken else float(rounded(pa.scalar(case.value)).as_py())
    if broken is None:
        rounding = f"rounded to {DECIMALS} places"
        steps.append(Step(rounding, None, Outcome.PASSED, _number(case.value), _number(value)))
    return Judgement(broken, case.raw_value, case.run.unit, value, case.rule.unit, tuple(steps))


def _outcome(reason: Reason, broken: Reason | None) -> Outcome:
    if broken is None or ORDER.index(reason) < ORDER.index(broken):
        return Outcome.PASSED
    return Outcome.FAILED if reason is broken else Outcome.NOT_ASKED


def _texts(case: _Case) -> dict[Reason, tuple[str, str, str]]:
    """By the reason of a reading that fails it: a rule's name, its input, and its result or limit."""
    run, rule, part = case.run, case.rule, case.rule.pressure_part
    raw, value = _number(case.raw_value), _number(case.value)
    converted = f"{value} {rule.unit}"
    moment = iso(case.event_ms) or "no time"
    sum_of_times = f"{run.start} + {case.position} x {run.interval_ms} ms"
    latest = f"at most {iso(case.taken_ms + FUTURE_TOLERANCE_MS)}"
    finite = "finite" if math.isfinite(case.value) else "not finite"
    after_unit = "" if rule.error else converted
    return {
        Reason.UNKNOWN_SENSOR: ("sensor name recognised", run.sensor, rule.code),
        Reason.UNKNOWN_COMPONENT: ("component of that sensor", run.component or "none", rule.part),
        Reason.UNKNOWN_UNIT: ("unit known, converted", f"{raw} {run.unit}", after_unit),
        Reason.INVALID_TIME: ("time can be written", sum_of_times, moment),
        Reason.FUTURE_TIMESTAMP: ("not ahead of its message", moment, latest),
        Reason.MISSING: ("value there", raw, "none" if math.isnan(case.raw_value) else "a value"),
        Reason.NOT_FINITE: ("value finite", value, finite),
        Reason.OUT_OF_RANGE: ("value plausible", converted, rule.plausible),
        Reason.PRESSURE_INVERTED: (
            "systolic above diastolic",
            f"{part} {value}" if part else "no blood pressure",
            (case.partners or "no partner at this instant") if part else "",
        ),
    }


def _partners(judged: Judged, readings: ReadingArrays, row: int) -> str:
    part = judged.rules[int(judged.rule[row])].pressure_part
    if part is None:
        return ""
    found = []
    for other in range(len(judged.value)):
        is_same = readings.is_time[other] and readings.event_ms[other] == readings.event_ms[row]
        other_part = judged.rules[int(judged.rule[other])].pressure_part
        if is_same and other_part not in (None, part):
            found.append(f"{other_part} {_number(float(judged.value[other]))}")
    return ", ".join(found)


def _number(value: float) -> str:
    return "nothing" if math.isnan(value) else f"{value:.12g}"
