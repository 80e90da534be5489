"""The oracle's own rules: written a second time, so they have their own tests."""

import math

import pytest

from ops.storm.expected import expected_readings, thousandths
from schemas.catalogue import COMPONENTLESS
from tests.builders import NOW, PATIENT, batch, series


def outcomes(*runs):
    """(thousandths, reason) of every reading."""
    found = expected_readings([batch(*runs)])
    return list(zip(found["thousandths"].to_pylist(), found["reason"].to_pylist(), strict=True))


def pair(systolic, diastolic, **diastolic_series):
    return (
        series("pressao_arterial", [systolic], component="sistolica"),
        series("pressao_arterial", [diastolic], component="diastolica", **diastolic_series),
    )


def test_a_reading_is_named_by_patient_sensor_component_and_instant():
    found = expected_readings([batch(series("glicose", [90.0, 91.0], interval_ms=500))])
    row = found.to_pylist()[1]
    assert (row["patient_id"], row["sensor"], row["component"]) == (
        PATIENT,
        "glicose",
        COMPONENTLESS,
    )
    assert (row["event_ms"], row["series"], row["position"]) == (NOW + 500, 0, 1)


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        (series("glicose", [92.5]), (92_500, None)),
        (series("glicose", [5.0], unit="mmol/L"), (90_078, None)),
        (series("temperatura_corporal", [98.6], unit="F"), (37_000, None)),
        (series("glicose", [math.nan]), (None, "missing")),
        (series("glicose", [1000.5]), (None, "out_of_range")),
        (series("glicose", [92.5], unit="??"), (None, "unknown_unit")),
        # its limit itself is not plausible
        (series("frequencia_cardiaca", [0.0]), (None, "out_of_range")),
    ],
)
def test_each_rule(run, outcome):
    assert outcomes(run) == [outcome]


def test_a_pair_that_is_inverted_is_refused_as_a_whole():
    assert outcomes(*pair(80.0, 120.0)) == [(None, "pressure_inverted")] * 2
    assert outcomes(*pair(80.0, 80.0)) == [(None, "pressure_inverted")] * 2


def test_a_pair_needs_both_values_at_one_instant():
    assert outcomes(*pair(80.0, 120.0, start=NOW + 1))[0] == (80_000, None)
    assert outcomes(*pair(80.0, math.nan)) == [(80_000, None), (None, "missing")]


def test_a_pair_is_compared_in_one_unit():
    assert outcomes(*pair(120.0, 10.7, unit="kPa"))[0] == (120_000, None)


@pytest.mark.parametrize(("value", "rounded"), [(0.0005, 1), (-0.0005, -1), (1.2344, 1234)])
def test_halves_are_rounded_away_from_zero(value, rounded):
    assert thousandths(value) == rounded
