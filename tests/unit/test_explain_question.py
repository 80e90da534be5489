"""`vitals explain`: which reading is meant, and where it is in a batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.explain.question import Question, epoch_ms_of, iso, question
from schemas.cleaning.times import FIRST_TIME_MS, LAST_TIME_MS
from tests.builders import NOW, PATIENT, batch, series


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-21T14:13:20Z",
        "2026-09-21T14:13:20",
        "2026-09-21 14:13:20.000",
        "2026-09-21T11:13:20-03:00",
        str(NOW),
    ],
)
def test_a_time_is_iso_8601_or_epoch_milliseconds(text):
    assert epoch_ms_of(text) == NOW


@given(st.integers(FIRST_TIME_MS, LAST_TIME_MS))
def test_a_printed_time_can_be_read_again(milliseconds):
    assert epoch_ms_of(iso(milliseconds)) == milliseconds


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "9" * 20, "0999-12-31T23:59:59Z"])
def test_what_is_not_a_time_is_refused_with_a_message(text):
    with pytest.raises(ValueError, match=r"is not a time|is not in the years"):
        epoch_ms_of(text)


def test_names_are_those_of_the_catalogue_however_they_are_written():
    asked = question(PATIENT, "Frequência-Cardíaca ", str(NOW), None)
    assert asked == Question(PATIENT, "frequencia_cardiaca", "valor", NOW)
    assert asked.is_about("FREQUENCIA CARDIACA", None)
    assert not asked.is_about("glicose", None)


def test_a_sensor_of_several_components_needs_one_and_lists_them():
    with pytest.raises(ValueError, match="sistolica or diastolica"):
        question(PATIENT, "pressao_arterial", str(NOW), None)
    asked = question(PATIENT, "pressao_arterial", str(NOW), "Sistólica")
    assert asked.component == "sistolica"


def test_an_unknown_sensor_is_searched_for_with_any_component():
    asked = question(PATIENT, "humor", str(NOW), None)
    assert asked.is_about("Humor", "manhã")


def test_the_reading_is_found_by_its_instant():
    made = batch(
        series("glicose", [1, 2, 3]),
        series("umidade_pele", [4]),
        series("Glicose", [5, 6], unit="mg/dL"),
    )
    at = [
        question(PATIENT, "glicose", str(NOW + offset_ms), None)
        for offset_ms in (0, 2000, 2001, 3000)
    ]
    assert [list(asked.positions(made)) for asked in at] == [[(0, 0), (2, 0)], [(0, 2)], [], []]
    assert not list(at[0].positions(batch(series(), patient_id="somebody-else")))


def test_values_without_an_interval_are_all_of_the_same_instant():
    asked = question(PATIENT, "glicose", str(NOW), None)
    assert list(asked.positions(batch(series(values=[1, 2], interval_ms=0)))) == [(0, 0), (0, 1)]
