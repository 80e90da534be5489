import threading
from datetime import UTC, datetime

import pytest

from common.errors import BadInputError
from db.connection import connect
from db.schema.patients import RegisteredCount, register

MAPPINGS = (
    "SELECT p.identificador, s.codigo, ps.ativo_desde, ps.ativo_ate FROM paciente_sensor ps"
    " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id = ps.sensor_id"
    " ORDER BY p.identificador, s.codigo, ps.ativo_desde"
)


def epoch_ms(*moment):
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1_000


def utc(*moment):
    return datetime(*moment, tzinfo=UTC).replace(tzinfo=None)


def test_adds_patients_and_mappings_from_their_first_reading_on(migrated, query):
    count = register(
        migrated,
        {
            ("p1", "glicose"): epoch_ms(2024, 5, 1, 12) + 345,
            ("p1", "umidade_pele"): epoch_ms(2024, 5, 2),
            ("p2", "glicose"): epoch_ms(1900, 1, 1),
        },
    )
    assert count == RegisteredCount(patients=2, mappings=3, moved_back=0)
    assert query(migrated, MAPPINGS) == [
        ("p1", "glicose", utc(2024, 5, 1, 12, 0, 0, 345_000), None),
        ("p1", "umidade_pele", utc(2024, 5, 2), None),
        ("p2", "glicose", utc(1900, 1, 1), None),
    ]


def test_registering_again_changes_nothing(migrated, query):
    readings = {("p1", "glicose"): epoch_ms(2024, 5, 1)}
    register(migrated, readings)
    before = query(migrated, "SELECT * FROM paciente_sensor")
    assert register(migrated, readings) == RegisteredCount(0, 0, 0)
    assert query(migrated, "SELECT * FROM paciente_sensor") == before


def test_an_earlier_reading_moves_the_mapping_back(migrated, query):
    register(migrated, {("p1", "glicose"): epoch_ms(2024, 5, 1)})
    ids = query(migrated, "SELECT id FROM paciente_sensor")
    assert register(migrated, {("p1", "glicose"): epoch_ms(2023, 1, 1)}).moved_back == 1
    assert query(migrated, MAPPINGS) == [("p1", "glicose", utc(2023, 1, 1), None)]
    assert query(migrated, "SELECT id FROM paciente_sensor") == ids


def test_a_later_reading_changes_nothing(migrated, query):
    register(migrated, {("p1", "glicose"): epoch_ms(2024, 5, 1)})
    count = register(migrated, {("p1", "glicose"): epoch_ms(2025, 1, 1)})
    assert count == RegisteredCount(0, 0, 0)
    assert query(migrated, MAPPINGS) == [("p1", "glicose", utc(2024, 5, 1), None)]


def test_a_mapping_that_was_ended_stays_ended(migrated, query):
    register(migrated, {("p1", "glicose"): epoch_ms(2024, 5, 1)})
    migrated.cursor().execute("UPDATE paciente_sensor SET ativo_ate = '2024-06-01'")
    migrated.commit()
    assert register(migrated, {("p1", "glicose"): epoch_ms(2024, 7, 1)}) == RegisteredCount(0, 0, 0)
    assert query(migrated, MAPPINGS) == [("p1", "glicose", utc(2024, 5, 1), utc(2024, 6, 1))]


def test_two_sides_at_once_make_one_mapping(settings, migrated, query):
    """Their first readings differ, so that the table's unique key alone would let both in."""
    results = []

    def run(moment):
        with connect(settings) as connection:
            register(connection, {(f"p{number}", "glicose"): moment for number in range(50)})
            results.append(moment)

    threads = [threading.Thread(target=run, args=(epoch_ms(2024, 5, day),)) for day in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    rows = query(migrated, MAPPINGS)
    assert len(rows) == 50
    assert {row[2] for row in rows} == {utc(2024, 5, 1)}


@pytest.mark.parametrize(
    ("patient_id", "sensor", "moment"),
    [
        ("", "glicose", 0),
        ("p" * 65, "glicose", 0),
        ("  ", "glicose", 0),
        ("p1", "no_such_sensor", 0),
        ("p1", "glicose", epoch_ms(1000, 1, 1) - 1),
        ("p1", "glicose", epoch_ms(9999, 12, 31) + 86_400_000),
        ("p1", "glicose", 1 << 62),
        ("p1", "glicose", -(1 << 62)),
    ],
)
def test_what_the_tables_cannot_hold_is_refused_as_a_whole(
    migrated, query, patient_id, sensor, moment
):
    with pytest.raises(BadInputError, match="cannot register"):
        register(migrated, {("good", "glicose"): 0, (patient_id, sensor): moment})
    assert query(migrated, "SELECT COUNT(*) FROM paciente") == [(0,)]


def test_the_first_and_the_last_possible_time_are_kept(migrated, query):
    register(
        migrated,
        {
            ("p1", "glicose"): epoch_ms(1000, 1, 1),
            ("p2", "glicose"): epoch_ms(9999, 12, 31, 23, 59, 59) + 999,
        },
    )
    assert [row[2] for row in query(migrated, MAPPINGS)] == [
        utc(1000, 1, 1),
        utc(9999, 12, 31, 23, 59, 59, 999_000),
    ]


def test_ids_that_differ_in_case_or_accent_are_two_patients(migrated):
    count = register(
        migrated, {(patient_id, "glicose"): 0 for patient_id in ("jose", "José", "JOSE")}
    )
    assert count.patients == 3
    assert count.mappings == 3


def test_many_patients_go_in_one_call(migrated, query):
    count = register(migrated, {(f"p{number}", "glicose"): 0 for number in range(4_500)})
    assert count == RegisteredCount(4_500, 4_500, 0)
