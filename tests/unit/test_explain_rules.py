"""`vitals explain`: the rules that a reading passed or failed, by the consumer's own code."""

import math

import pytest

from ops.explain.rules import Outcome, judgement
from schemas.cleaning.clean import ORDER
from schemas.cleaning.times import FUTURE_TOLERANCE_MS
from schemas.reasons import Reason
from tests.builders import NOW, batch, series


def judged(*runs, number=0, position=0, taken_ms=NOW):
    return judgement(batch(*runs), number, position, taken_ms)


def step(found, reason):
    return next(step for step in found.steps if step.reason == reason)


def test_a_converted_reading_passes_every_rule_and_is_rounded():
    found = judged(series("Glicose", [math.nan, 5.4], unit="mmol/L"), position=1)
    assert (found.reason, found.value, found.unit) == (None, 97.284, "mg/dL")
    assert {step.outcome for step in found.steps} == {Outcome.PASSED}
    unit = step(found, Reason.UNKNOWN_UNIT)
    assert (unit.before, unit.after) == ("5.4 mmol/L", "97.28424 mg/dL")
    assert (found.steps[-1].before, found.steps[-1].after) == ("97.28424", "97.284")
    name = step(found, Reason.UNKNOWN_SENSOR)
    assert (name.before, name.after) == ("Glicose", "glicose")


def test_the_first_rule_that_fails_decides_and_the_others_are_not_asked():
    found = judged(series("glicose", [5000.0]))
    assert found.reason is Reason.OUT_OF_RANGE
    limits = step(found, Reason.OUT_OF_RANGE)
    assert (limits.outcome, limits.after) == (Outcome.FAILED, "plausible: [10, 1000] mg/dL")
    place = ORDER.index(Reason.OUT_OF_RANGE)
    outcomes = [step.outcome for step in found.steps]
    assert set(outcomes[:place]) == {Outcome.PASSED}
    assert set(outcomes[place + 1 :]) == {Outcome.NOT_ASKED}


def test_a_pressure_shows_its_partner_of_the_same_instant():
    runs = (
        series("pressao_arterial", [120, 70], component="sistolica"),
        series("pressao_arterial", [60, 80], component="diastolica"),
    )
    good, bad = (judged(*runs, position=position) for position in (0, 1))
    assert good.reason is None
    pair = step(bad, Reason.PRESSURE_INVERTED)
    assert (pair.outcome, pair.before, pair.after) == (
        Outcome.FAILED,
        "sistolica 70",
        "diastolica 80",
    )


AHEAD = NOW + FUTURE_TOLERANCE_MS + 1
TWICE_WRONG = {
    Reason.UNKNOWN_SENSOR: series("humor", [1], component="x", unit="?"),
    Reason.UNKNOWN_COMPONENT: series("glicose", [1], component="x", unit="?"),
    Reason.UNKNOWN_UNIT: series("glicose", [1, 2], unit="?", interval_ms=0),
    Reason.INVALID_TIME: series("glicose", [math.nan, 1], start=AHEAD, interval_ms=0),
    Reason.FUTURE_TIMESTAMP: series("glicose", [math.nan], start=AHEAD),
    Reason.MISSING: series("glicose", [math.nan]),
    Reason.NOT_FINITE: series("glicose", [math.inf]),
    Reason.OUT_OF_RANGE: series("pressao_arterial", [-5], component="sistolica"),
    Reason.PRESSURE_INVERTED: series("pressao_arterial", [80], component="sistolica"),
}


@pytest.mark.parametrize("reason", ORDER)
def test_of_two_broken_rules_the_one_that_comes_first_in_the_order_counts(reason):
    """The order shown is the one that the consumer's code uses."""
    found = judged(TWICE_WRONG[reason], series("pressao_arterial", [80], component="diastolica"))
    assert found.reason is reason
    assert step(found, reason).outcome is Outcome.FAILED
