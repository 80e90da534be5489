"""Whose reading it is, as the tables say: patients, sensors and their periods, and what has changed of them."""

import pytest

from db.mapping import FOREVER_MS, periods_by_patient, read_mappings, read_mappings_of
from db.mapping_changes import MappingVersion, changed_mappings, mapping_sums, mapping_version
from tests.db.mappings import (
    INSERT,
    YEAR_2020_MS,
    YEAR_2021_MS,
    YEAR_2022_MS,
    change,
    wear,
    with_two_patients,
)

NEVER = MappingVersion(None, None)


@pytest.fixture
def session(migrated):
    return with_two_patients(migrated)


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


def test_a_mapping_that_never_begins_ends_no_other(session):
    """`vitals patient end` before its start leaves such a row."""
    wear(
        session,
        (1, 1, 1, "2020-01-01", None),
        (2, 1, 1, "2021-01-01", "2021-01-01"),
        (3, 1, 1, "2022-01-01", None),
    )
    assert periods(session) == [
        ("p1", "a", 1, YEAR_2020_MS, YEAR_2022_MS),
        ("p1", "a", 2, YEAR_2021_MS, YEAR_2021_MS),
        ("p1", "a", 3, YEAR_2022_MS, FOREVER_MS),
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
