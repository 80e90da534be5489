"""Whose reading it is, as the tables say and as the consumer knows it: patients, sensors and their periods."""

import pytest

from consumer.driver import mapping
from consumer.driver.mapping import MappingWatch
from consumer.worker import connection as worker_connection
from consumer.worker import mapping as worker_mapping
from consumer.worker.mapping import find_mappings
from db.mapping import (
    FOREVER_MS,
    MappingVersion,
    changed_patients,
    known_ids,
    mapping_checksum,
    mapping_version,
    periods_by_patient,
    read_mappings,
    read_mappings_of,
)

YEAR_2020_MS = 1_577_836_800_000
YEAR_2021_MS = 1_609_459_200_000
YEAR_2022_MS = 1_640_995_200_000
INSERT = "INSERT INTO paciente_sensor (paciente_id, sensor_id, ativo_desde)"
NEVER = MappingVersion(None, None)


@pytest.fixture
def session(migrated):
    """Two patients and two sensors, without mappings."""
    cursor = migrated.cursor()
    cursor.execute("INSERT INTO paciente (id, identificador) VALUES (1, 'p1'), (2, 'p2')")
    cursor.execute(
        "INSERT INTO sensor (id, codigo, nome, unidade) VALUES (1, 'a', 'A', 'u'), (2, 'b', 'B', 'u')"
    )
    migrated.commit()
    return migrated


@pytest.fixture
def watch(session, settings, monkeypatch):
    """The driver's eye on these tables, and a worker in this process that knows nothing yet."""
    monkeypatch.setattr(worker_mapping, "_copy", worker_mapping._Copy())
    monkeypatch.setattr(worker_connection, "_kept", [])
    yield MappingWatch(settings)
    for kept in worker_connection._kept:
        kept.close()


def change(connection, *statements):
    for statement in statements:
        connection.cursor().execute(statement)
    connection.commit()


def wear(connection, *rows):
    """Adds ``paciente_sensor`` rows: id, patient, sensor, since, until."""
    connection.cursor().executemany(
        "INSERT INTO paciente_sensor (id, paciente_id, sensor_id, ativo_desde, ativo_ate)"
        " VALUES (%s, %s, %s, %s, %s)",
        rows,
    )
    connection.commit()


def periods(connection):
    return [
        (mapping.patient_id, mapping.sensor, mapping.mapping_id, mapping.from_ms, mapping.until_ms)
        for mapping in read_mappings(connection)
    ]


def test_mappings_are_read_with_their_periods(session):
    wear(
        session,
        (1, 1, 1, "2020-01-01", "2021-01-01"),
        (2, 1, 1, "2022-01-01 00:00:00.123", None),
        (3, 2, 1, "1000-01-01", "9999-12-31 23:59:59.999"),
    )
    assert periods(session) == [
        ("p1", "a", 1, YEAR_2020_MS, YEAR_2021_MS),
        ("p1", "a", 2, YEAR_2022_MS + 123, FOREVER_MS),
        ("p2", "a", 3, -30_610_224_000_000, 253_402_300_799_999),
    ]


def test_where_mappings_overlap_the_later_one_wins_from_its_start_on(session):
    wear(
        session,
        (5, 1, 1, "2020-01-01", None),
        (2, 1, 1, "2021-01-01", "2022-01-01"),
        (7, 1, 1, "2021-06-01", None),
        (3, 1, 2, "2020-01-01", None),
        (4, 2, 1, "2020-01-01", None),
    )
    june = YEAR_2021_MS + 151 * 86_400_000
    assert periods(session) == [
        ("p1", "a", 5, YEAR_2020_MS, YEAR_2021_MS),
        ("p1", "a", 2, YEAR_2021_MS, june),
        ("p1", "a", 7, june, FOREVER_MS),
        ("p1", "b", 3, YEAR_2020_MS, FOREVER_MS),
        ("p2", "a", 4, YEAR_2020_MS, FOREVER_MS),
    ]


def test_some_patients_mappings_are_read_alone(session, monkeypatch):
    wear(
        session,
        (1, 1, 1, "2020-01-01", "2021-01-01"),
        (2, 1, 1, "2022-01-01", None),
        (3, 2, 1, "2020-01-01", None),
    )
    both = periods_by_patient(read_mappings(session))
    assert periods_by_patient(read_mappings_of(session, ["p2", "P1", "p3"])) == {"p2": both["p2"]}
    monkeypatch.setattr("db.mapping._PATIENTS_A_QUERY", 1)
    assert periods_by_patient(read_mappings_of(session, ["p2", "p1"])) == both
    assert both["p1"] == {
        "a": ((1, YEAR_2020_MS, YEAR_2021_MS), (2, YEAR_2022_MS, FOREVER_MS)),
    }


def test_the_version_changes_with_each_addition_and_change_and_names_the_patient(session):
    versions = [mapping_version(session)]
    for statement, patient_id in (
        (f"{INSERT} VALUES (1, 1, '2020-01-01')", "p1"),
        (f"{INSERT} VALUES (2, 1, '2020-01-01')", "p2"),
        ("UPDATE paciente_sensor SET ativo_ate = '2021-01-01' WHERE paciente_id = 1", "p1"),
        ("UPDATE paciente_sensor SET ativo_desde = '2019-01-01' WHERE paciente_id = 2", "p2"),
    ):
        change(session, statement)
        assert patient_id in changed_patients(session, versions[-1], most=10)
        versions.append(mapping_version(session))
    assert len(set(versions)) == len(versions)
    assert mapping_version(session) == versions[-1]


def test_changes_long_before_the_version_do_not_count_and_too_many_are_not_named(session):
    change(
        session,
        f"{INSERT} VALUES (1, 1, '2020-01-01'), (2, 1, '2020-01-01')",
        "UPDATE paciente_sensor SET alterado_em = '2020-01-01' WHERE paciente_id = 1",
    )
    before = mapping_version(session)
    change(session, f"{INSERT} VALUES (2, 2, '2020-01-01')")
    assert changed_patients(session, before, most=10) == {"p2"}
    assert changed_patients(session, NEVER, most=10) == {"p1", "p2"}
    assert changed_patients(session, NEVER, most=1) is None


def test_the_checksum_shows_what_the_version_does_not_and_no_addition(session):
    change(session, f"{INSERT} VALUES (1, 1, '2020-01-01'), (2, 1, '2020-01-01')")
    known, version = known_ids(session), mapping_version(session)
    seen = [mapping_checksum(session, known)]
    for statement in (
        "DELETE FROM paciente_sensor WHERE paciente_id = 1",
        "UPDATE paciente SET identificador = 'another' WHERE id = 2",
    ):
        change(session, statement)
        assert mapping_version(session) == version
        seen.append(mapping_checksum(session, known))
    assert len(set(seen)) == len(seen)
    change(
        session,
        "INSERT INTO paciente (id, identificador) VALUES (3, 'p3')",
        f"{INSERT} VALUES (3, 1, '2020-01-01')",
    )
    assert mapping_checksum(session, known) == seen[-1]
    assert mapping_checksum(session, known_ids(session)) != seen[-1]


def test_a_worker_reads_each_patient_once_and_again_when_it_has_changed(session, watch):
    wear(session, (1, 1, 1, "2020-01-01", None), (2, 2, 1, "2020-01-01", None))
    change(session, "UPDATE paciente_sensor SET alterado_em = '2020-01-01' WHERE id = 1")
    p1 = {"a": ((1, YEAR_2020_MS, FOREVER_MS),)}
    state = watch.current()
    assert dict(find_mappings(state, ["p1"])) == {"p1": p1}
    found = find_mappings(state, ["p1", "p2", "nobody"])
    assert found.keys() == {"p1", "p2", "nobody"}
    assert found["nobody"] == {}
    held = found["p1"]
    change(
        session,
        "INSERT INTO paciente (id, identificador) VALUES (3, 'nobody')",
        f"{INSERT} VALUES (3, 1, '2020-01-01')",
        "UPDATE paciente_sensor SET ativo_ate = '2021-01-01' WHERE id = 2",
    )
    # the worker's copy is that of the state it last received
    assert find_mappings(state, ["nobody"])["nobody"] == {}
    found = find_mappings(watch.current(), ["p1", "p2", "nobody"])
    assert found["p1"] is held
    assert found["p2"] == {"a": ((2, YEAR_2020_MS, YEAR_2021_MS),)}
    assert found["nobody"].keys() == {"a"}


def test_a_worker_that_missed_a_change_starts_over(session, watch, monkeypatch):
    wear(session, (1, 1, 1, "2020-01-01", None))
    held = find_mappings(watch.current(), ["p1"])["p1"]
    monkeypatch.setattr(watch, "_changes", type(watch._changes)(maxlen=1))
    for until in ("2021-01-01", "2022-01-01"):
        change(session, f"UPDATE paciente_sensor SET ativo_ate = '{until}'")
        state = watch.current()
    assert len(state.changes) == 1
    assert held["a"][0][2] == FOREVER_MS
    assert find_mappings(state, ["p1"])["p1"]["a"][0][2] == YEAR_2022_MS


def test_a_deleted_mapping_and_a_renamed_patient_are_forgotten_with_the_next_checksum(
    session, watch, monkeypatch
):
    wear(session, (1, 1, 1, "2020-01-01", None), (2, 2, 1, "2020-01-01", None))
    find_mappings(watch.current(), ["p1", "p2"])
    change(
        session,
        "DELETE FROM paciente_sensor WHERE id = 1",
        "UPDATE paciente SET identificador = 'another' WHERE id = 2",
    )
    assert find_mappings(watch.current(), ["p1"])["p1"]
    monkeypatch.setattr(mapping, "_CHECKSUM_SECONDS", 0.0)
    found = find_mappings(watch.current(), ["p1", "p2", "another"])
    assert (found["p1"], found["p2"]) == ({}, {})
    assert found["another"].keys() == {"a"}
    # nothing is forgotten where nothing has changed
    assert watch.current().state == watch.current().state


def test_a_storm_of_unknown_patients_does_not_fill_a_worker(session, watch, monkeypatch):
    monkeypatch.setattr(worker_mapping, "_MOST_PATIENTS", 10)
    state = watch.current()
    for start in range(0, 100, 5):
        names = [f"x{number}" for number in range(start, start + 5)]
        assert find_mappings(state, names).keys() >= set(names)
    assert len(find_mappings(state, [])) <= 15
