"""The driver sees each change of a mapping, and a worker's copy follows it."""

import pytest

from consumer.driver.mapping import MappingWatch
from consumer.worker import connection as worker_connection
from consumer.worker import mapping as worker_mapping
from consumer.worker.mapping import find_mappings
from db.connection import connect
from db.mapping import FOREVER_MS
from tests.db.mappings import (
    INSERT,
    YEAR_2020_MS,
    YEAR_2021_MS,
    YEAR_2022_MS,
    change,
    wear,
    with_two_patients,
)


@pytest.fixture
def session(migrated):
    return with_two_patients(migrated)


@pytest.fixture
def watch(session, settings, monkeypatch):
    """The driver's eye on these tables, and a worker in this process that knows nothing yet."""
    monkeypatch.setattr(worker_mapping, "_copy", worker_mapping._Copy())
    monkeypatch.setattr(worker_connection, "_kept", [])
    yield MappingWatch(settings)
    for kept in worker_connection._kept:
        kept.close()


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


def look(watch):
    """The look at all rows that is due within a minute."""
    watch._audit._next_at = 0.0
    watch.look()


def test_a_deleted_mapping_and_a_renamed_patient_are_forgotten_with_the_next_look_at_all_rows(
    session, watch
):
    wear(session, (1, 1, 1, "2020-01-01", None), (2, 2, 1, "2020-01-01", None))
    look(watch)
    find_mappings(watch.current(), ["p1", "p2"])
    change(
        session,
        "DELETE FROM paciente_sensor WHERE id = 1",
        "UPDATE paciente SET identificador = 'another' WHERE id = 2",
    )
    assert find_mappings(watch.current(), ["p1"])["p1"]
    look(watch)
    found = find_mappings(watch.current(), ["p1", "p2", "another"])
    assert (found["p1"], found["p2"]) == ({}, {})
    assert found["another"].keys() == {"a"}
    # nothing is forgotten where nothing has changed
    state = watch.current().state
    look(watch)
    assert watch.current().state == state


def test_a_look_is_not_due_again_at_once_and_what_was_read_before_the_first_one_is_forgotten(
    session, watch
):
    """A change between a worker's reading and the first look would never show."""
    wear(session, (1, 1, 1, "2020-01-01", None))
    find_mappings(watch.current(), ["p1"])
    change(session, "UPDATE paciente SET identificador = 'p3' WHERE id = 1")
    watch.look()
    assert find_mappings(watch.current(), ["p1"])["p1"] == {}
    change(session, "UPDATE paciente SET identificador = 'p4' WHERE id = 1")
    state = watch.current().state
    watch.look()
    assert watch.current().state == state


def test_a_mapping_moved_to_another_patient_is_forgotten_for_both(session, watch):
    """Else the old one's readings would enter the new one's record."""
    wear(session, (1, 1, 1, "2020-01-01", None), (2, 2, 2, "2020-01-01", None))
    find_mappings(watch.current(), ["p1", "p2"])
    change(session, "UPDATE paciente_sensor SET paciente_id = 2 WHERE id = 1")
    found = find_mappings(watch.current(), ["p1", "p2"])
    assert found["p1"] == {}
    assert found["p2"].keys() == {"a", "b"}


def test_a_change_that_commits_after_a_later_one_is_seen(session, watch, settings):
    """Its mark is the time of its statement, older than the newest mark when it appears."""
    wear(session, (1, 1, 1, "2020-01-01", None), (2, 2, 1, "2020-01-01", None))
    with connect(settings) as slow:
        slow.cursor().execute("UPDATE paciente_sensor SET ativo_ate = '2021-01-01' WHERE id = 1")
        change(session, "UPDATE paciente_sensor SET ativo_ate = '2022-01-01' WHERE id = 2")
        look(watch)
        assert find_mappings(watch.current(), ["p1"])["p1"]["a"][0][2] == FOREVER_MS
        slow.commit()
    watch.current()
    look(watch)
    assert find_mappings(watch.current(), ["p1"])["p1"]["a"][0][2] == YEAR_2021_MS


@pytest.mark.parametrize("zone", ["-03:00", "+05:30"])
def test_a_session_in_another_zone_changes_a_mapping_like_any_other(session, watch, settings, zone):
    """A mark in local time would lie hours before the newest one, or hide the changes after it."""
    wear(session, (1, 1, 1, "2020-01-01", None), (2, 2, 1, "2020-01-01", None))
    find_mappings(watch.current(), ["p1", "p2"])
    with connect(settings) as abroad:
        change(
            abroad,
            f"SET time_zone = '{zone}'",
            "UPDATE paciente_sensor SET ativo_ate = '2021-01-01' WHERE id = 1",
        )
    assert find_mappings(watch.current(), ["p1", "p2"])["p1"]["a"][0][2] == YEAR_2021_MS
    change(session, "UPDATE paciente_sensor SET ativo_ate = '2021-01-01' WHERE id = 2")
    assert find_mappings(watch.current(), ["p2"])["p2"]["a"][0][2] == YEAR_2021_MS


def test_a_storm_of_unknown_patients_does_not_fill_a_worker(session, watch, monkeypatch):
    monkeypatch.setattr(worker_mapping, "_MOST_PATIENTS", 10)
    state = watch.current()
    for start in range(0, 100, 5):
        names = [f"x{number}" for number in range(start, start + 5)]
        assert find_mappings(state, names).keys() >= set(names)
    assert len(find_mappings(state, [])) <= 15
