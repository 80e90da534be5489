"""Whose reading it is, as the tables say and as the consumer knows it: patients, sensors and their periods."""

import pytest

from consumer.driver.mapping import MappingWatch
from consumer.worker import connection as worker_connection
from consumer.worker import mapping as worker_mapping
from consumer.worker.mapping import find_mappings
from db.connection import connect
from db.mapping import FOREVER_MS, periods_by_patient, read_mappings, read_mappings_of
from db.mapping_changes import MappingVersion, changed_mappings, mapping_sums, mapping_version

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
        assert patient_id in changed_mappings(session, versions[-1], most=10).patient_ids
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
    changed = changed_mappings(session, before, most=10)
    assert changed.patient_ids == {"p2"}
    assert changed.mapping_ids == {before.newest_id}
    assert changed_mappings(session, NEVER, most=10) == ({"p1", "p2"}, frozenset())
    assert changed_mappings(session, NEVER, most=2) is None


@pytest.mark.parametrize(
    "statements",
    [
        ("DELETE FROM paciente_sensor WHERE id = 1",),
        ("UPDATE paciente_sensor SET paciente_id = 2, sensor_id = 2 WHERE id = 1",),
        ("UPDATE paciente_sensor SET ativo_desde = '2020-01-01 00:00:00.001' WHERE id = 1",),
        ("UPDATE paciente_sensor SET ativo_ate = '2021-01-01' WHERE id = 1",),
        # two changes that are each other's opposite
        (
            "UPDATE paciente_sensor SET ativo_desde = '2020-01-02' WHERE id = 1",
            "UPDATE paciente_sensor SET ativo_desde = '2020-01-01' WHERE id = 7",
        ),
        (
            "UPDATE paciente SET identificador = '' WHERE id = 1",
            "UPDATE paciente SET identificador = 'p1' WHERE id = 2",
            "UPDATE paciente SET identificador = 'p2' WHERE id = 1",
        ),
        ("UPDATE paciente SET identificador = 'p1 ' WHERE id = 1",),
        ("UPDATE sensor SET codigo = 'A' WHERE id = 1",),
        (f"{INSERT.replace('(', '(id, ')} VALUES (3, 1, 2, '2020-01-01')",),
    ],
)
def test_the_sums_show_every_change_of_what_was_known(session, statements):
    """Whatever the mark of the change, and whatever committed before it; swaps do not cancel out."""
    wear(session, (1, 1, 1, "2020-01-01", None), (7, 2, 1, "2020-01-02", None))
    _, known = mapping_sums(session, {})
    assert mapping_sums(session, known) == (known, known)
    marks = "UPDATE paciente_sensor SET alterado_em = '2020-01-01'"
    change(session, *statements, marks)
    assert mapping_sums(session, known)[0] != known


def test_an_addition_changes_only_the_sums_over_all(session):
    """Who registers patients all day does not empty the workers' copies."""
    change(session, f"{INSERT} VALUES (1, 1, '2020-01-01')")
    _, known = mapping_sums(session, {})
    change(
        session,
        "INSERT INTO paciente (id, identificador) VALUES (3, 'p3')",
        f"{INSERT} VALUES (3, 1, '2020-01-01')",
    )
    before, now = mapping_sums(session, known)
    assert before == known != now
    assert mapping_sums(session, now) == (now, now)


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
