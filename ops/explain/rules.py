"""How the cleaning rules judge one reading, one by one, with the rules' own code."""

import math
from collections.abc import Callable
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
    case = _Case(
        run=batch.series[series],
        position=position,
        rule=judged.rules[int(judged.rule[row])],
        value=float(judged.value[row]),
        event_ms=int(readings.event_ms[row]) if readings.is_time[row] else None,
        taken_ms=taken_ms,
        partners=_partners(judged, readings, row),
    )
    broken = None if reason is None else Reason(reason)
    steps = [_step(case, rule, broken) for rule in ORDER]
    value = case.value if broken else float(rounded(pa.scalar(case.value)).as_py())
    if broken is None:
        rule, texts = f"rounded to {DECIMALS} places", (_number(case.value), _number(value))
        steps.append(Step(rule, None, Outcome.PASSED, *texts))
    return Judgement(broken, case.raw_value, case.run.unit, value, case.rule.unit, tuple(steps))


def _step(case: _Case, reason: Reason, broken: Reason | None) -> Step:
    name, texts = _RULES[reason]
    if broken is None or ORDER.index(reason) < ORDER.index(broken):
        outcome = Outcome.PASSED
    else:
        outcome = Outcome.FAILED if reason is broken else Outcome.NOT_ASKED
    return Step(name, str(reason), outcome, *texts(case))


def _sensor(case: _Case) -> tuple[str, str]:
    return case.run.sensor, case.rule.code


def _component(case: _Case) -> tuple[str, str]:
    return case.run.component or "none", case.rule.part


def _unit(case: _Case) -> tuple[str, str]:
    raw = f"{_number(case.raw_value)} {case.run.unit}"
    return raw, "" if case.rule.error else f"{_number(case.value)} {case.rule.unit}"


def _time(case: _Case) -> tuple[str, str]:
    run = case.run
    return f"{run.start} + {case.position} x {run.interval_ms} ms", iso(case.event_ms) or "no time"


def _future(case: _Case) -> tuple[str, str]:
    latest = iso(case.taken_ms + FUTURE_TOLERANCE_MS)
    return iso(case.event_ms) or "no time", f"at most {latest}"


def _missing(case: _Case) -> tuple[str, str]:
    return _number(case.raw_value), "a value" if not math.isnan(case.raw_value) else "none"


def _finite(case: _Case) -> tuple[str, str]:
    return _number(case.value), "finite" if math.isfinite(case.value) else "not finite"


def _limits(case: _Case) -> tuple[str, str]:
    return f"{_number(case.value)} {case.rule.unit}", case.rule.plausible


def _pair(case: _Case) -> tuple[str, str]:
    part = case.rule.pressure_part
    if part is None:
        return "no blood pressure", ""
    return f"{part} {_number(case.value)}", case.partners or "no partner at this instant"


_RULES: dict[Reason, tuple[str, Callable[[_Case], tuple[str, str]]]] = {
    Reason.UNKNOWN_SENSOR: ("sensor name recognised", _sensor),
    Reason.UNKNOWN_COMPONENT: ("component of that sensor", _component),
    Reason.UNKNOWN_UNIT: ("unit known, converted", _unit),
    Reason.INVALID_TIME: ("time can be written", _time),
    Reason.FUTURE_TIMESTAMP: ("not ahead of its message", _future),
    Reason.MISSING: ("value there", _missing),
    Reason.NOT_FINITE: ("value finite", _finite),
    Reason.OUT_OF_RANGE: ("value plausible", _limits),
    Reason.PRESSURE_INVERTED: ("systolic above diastolic", _pair),
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
