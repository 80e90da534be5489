"""Patients come and go: their mappings begin, end, and begin again."""

from datetime import datetime

import pytest
from mysql.connector import DataError

from common.errors import BadInputError
from db.schema.stays import LONGEST_NAME, begin, end, stays
from tests.db.commands import vitals

CODES = ["glicose", "umidade_pele"]


def at(day, hour=8):
    return datetime(2026, 3, day, hour)  # noqa: DTZ001 - as the tables hold it


def test_a_patient_who_comes_back_has_a_new_period(migrated):
    """And repeating a command changes nothing."""
    for _ in range(2):
        begin(migrated, "p1", CODES, at(1), "Ana")
        end(migrated, "p1", CODES, at(5))
    assert begin(migrated, "p1", CODES, at(9), None) == 2
    assert begin(migrated, "p1", CODES, at(10), None) == 0
    found = stays(migrated, limit=10)

    assert [(stay.since, stay.until, stay.is_monitored) for stay in found] == [
        (at(9), None, True),
        (at(1), at(5), False),
    ]
    assert {(stay.name, stay.sensors) for stay in found} == {("Ana", tuple(CODES))}


def test_what_is_worn_already_stays_as_it_is_whenever_it_is_added_again(migrated):
    """Neither a begin nor an end moves: of a period that goes on, or of one that is over."""
    begin(migrated, "p1", ["glicose"], at(5), None)
    begin(migrated, "p1", ["umidade_pele"], at(5), None)
    end(migrated, "p1", ["umidade_pele"], at(7))

    assert begin(migrated, "p1", CODES, at(1), None) == 0
    assert {(stay.sensors, stay.since, stay.until) for stay in stays(migrated, limit=10)} == {
        (("glicose",), at(5), None),
        (("umidade_pele",), at(5), at(7)),
    }


@pytest.mark.parametrize("day", [5, 9])
def test_a_mapping_that_never_began_is_in_nobodys_way(migrated, day):
    """It begins after all, or another one does; either way each sensor counts once."""
    begin(migrated, "p1", CODES, at(9), None)
    end(migrated, "p1", CODES, at(2))

    assert begin(migrated, "p1", CODES, at(day), None) == 2
    assert begin(migrated, "p1", CODES, at(day), None) == 0
    assert [stay.sensors for stay in stays(migrated, limit=10) if stay.until is None] == [
        tuple(CODES)
    ]


def test_only_the_named_sensors_end(migrated):
    begin(migrated, "p1", CODES, at(1), None)

    assert end(migrated, "p1", ["glicose"], at(2)) == 1
    assert end(migrated, "p1", ["glicose"], at(3)) == 0
    assert {(stay.sensors, stay.until) for stay in stays(migrated, limit=10)} == {
        (("umidade_pele",), None),
        (("glicose",), at(2)),
    }


def test_a_mapping_that_has_not_begun_never_begins(migrated):
    begin(migrated, "p1", CODES, at(9), None)

    assert end(migrated, "p1", CODES, at(2)) == 2
    assert [(stay.since, stay.until) for stay in stays(migrated, limit=10)] == [(at(9), at(9))]


def test_the_longest_name_fits_and_a_longer_one_leaves_nothing_behind(migrated, query):
    """By characters, not bytes."""
    name = "😀" * LONGEST_NAME
    begin(migrated, "p1", CODES, at(1), name)

    with pytest.raises(DataError):
        begin(migrated, "p2", CODES, at(1), f"{name}!")
    assert query(migrated, "SELECT identificador, nome FROM paciente") == [("p1", name)]


def test_the_command_counts_a_sensor_that_is_named_twice_once(migrated, settings):
    add = (
        "patient",
        "add",
        "p1",
        "--sensor",
        "glicose",
        "--sensor",
        "Glicose",
        "--at",
        "2026-03-01",
    )
    said = "mappings begin at 2026-03-01T00:00:00.000Z"
    assert vitals(settings, *add) == (0, f"1 {said}, 0 were there already\n")
    assert vitals(settings, *add) == (0, f"0 {said}, 1 were there already\n")


def test_an_unknown_patient_cannot_end(migrated):
    with pytest.raises(BadInputError, match="there is no patient 'nobody'"):
        end(migrated, "nobody", CODES, at(1))
