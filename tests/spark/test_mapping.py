"""Whose reading it is: the sensor row of the patient that is active at the reading's time."""

from tests.builders import NOW, PATIENT, series
from tests.spark.frames import cleaned_batches

EVER = 2**62
HOUR_MS = 3_600_000


def ids(rows) -> list[int | None]:
    return [row.mapping_id for row in rows]


def test_a_period_holds_from_its_start_until_just_before_its_end(spark):
    run = series("glicose", [100.0] * 5, start=NOW - 1, interval_ms=1)
    mappings = [(PATIENT, "glicose", [(7, NOW, NOW + 3)])]
    rows = cleaned_batches(spark, [[run]], mappings)[0]
    assert ids(rows) == [None, 7, 7, 7, None]
    assert {row.reason for row in rows} == {None}


def test_of_several_periods_the_active_one_counts_and_a_gap_has_none(spark):
    periods = [(1, NOW - HOUR_MS, NOW), (2, NOW, NOW + 2000), (3, NOW + 4000, EVER)]
    run = series("glicose", [100.0] * 7, start=NOW - 1000)
    rows = cleaned_batches(spark, [[run]], [(PATIENT, "glicose", periods)])[0]
    assert ids(rows) == [1, 2, 2, None, None, 3, 3]


def test_overlapping_periods_yield_one_row_and_one_mapping(spark):
    periods = [(1, 0, EVER), (2, NOW, EVER)]
    rows = cleaned_batches(spark, [[series()]], [(PATIENT, "glicose", periods)])[0]
    assert ids(rows) == [1]


def test_only_the_same_patient_and_sensor_are_mapped(spark):
    mappings = [
        (PATIENT, "pressao_arterial", [(1, 0, EVER)]),
        (PATIENT.upper(), "glicose", [(2, 0, EVER)]),
        (f"{PATIENT} ", "glicose", [(3, 0, EVER)]),
        ("demo-000002", "glicose", [(4, 0, EVER)]),
    ]
    rows = cleaned_batches(spark, [[series("glicose")]], mappings)[0]
    assert [(row.reason, row.mapping_id) for row in rows] == [(None, None)]


def test_all_components_and_spellings_of_a_sensor_share_its_mapping(spark):
    mappings = [(PATIENT, "pressao_arterial", [(9, 0, EVER)]), (PATIENT, "glicose", [])]
    runs = [
        series("pressao_arterial", component="sistolica"),
        series("Pressão Arterial", [60.0], component="diastolica", unit="mmHg"),
        series("glicose"),
    ]
    rows = cleaned_batches(spark, [runs], mappings)[0]
    assert ids(rows) == [9, 9, None]


def test_without_any_mapping_every_reading_is_still_there(spark):
    rows = cleaned_batches(spark, [[series("glicose", [100.0] * 3)]])[0]
    assert [(row.reason, row.mapping_id) for row in rows] == [(None, None)] * 3
