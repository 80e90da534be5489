"""Gaps and repeated windows in their tables, and what a monitor reads by key."""

import pyarrow as pa
import pytest

from db import ledger
from db.connection import connect
from db.ledger import RangeCounts
from db.mapping import read_mappings
from db.mend import cadence
from db.mend.cadence import Gap, GapCause, RepeatedWindow
from db.read import feed, latest
from db.schema.migrate import migrate
from db.schema.seed import seed
from db.write import registro
from db.write.bulk import infile_folder
from tests.db.rows import INFILE, READINGS

START = 1_790_000_000_000


@pytest.fixture
def seeded(settings):
    """A session on a database with two demo patients."""
    with connect(settings, database=False) as connection:
        migrate(connection, settings.db_name)
        seed(connection, 2, 7)
    with connect(settings, local_infile_folder=infile_folder()) as connection:
        yield connection


def gap(mapping_id, window, received, cause=GapCause.SENSOR):
    return Gap(mapping_id, START + window * 10_000, 10_000, 10, received, cause)


def write(connection, mapping_id, component, values):
    rows = [
        (mapping_id, component, START + 1_000 * number, value)
        for number, value in enumerate(values)
    ]
    table = pa.Table.from_pylist(
        [dict(zip(READINGS.names, row, strict=True)) for row in rows], READINGS
    )
    assert registro.upsert(connection, table, INFILE, writer=0) == []
    connection.commit()


def test_gaps_are_written_changed_and_removed(seeded):
    mapping = next(read_mappings(seeded)).mapping_id
    seeded.rollback()
    cadence.settle_gaps(seeded, [gap(1, 0, 0), gap(1, 1, 4), gap(2, 0, 9)], [])
    cadence.settle_gaps(seeded, [gap(1, 1, 7, GapCause.PATIENT)], [(1, START)])

    assert cadence.gaps_of(seeded, [mapping], 0, START + 60_000) == [gap(1, 1, 7, GapCause.PATIENT)]
    assert cadence.gaps_of(seeded, [1, 2], START, START + 1) == [gap(2, 0, 9)]
    assert cadence.gaps_of(seeded, [], START, START + 1) == []


def test_a_repeated_window_is_written_once(seeded):
    window = RepeatedWindow("t", 0, 7, "b" * 36, "two", "one", START)
    for _ in range(2):
        cadence.record_repeated(seeded, [window])
    cursor = seeded.cursor()
    cursor.execute("SELECT produtor, primeiro_produtor, deslocamento FROM janela_repetida")

    assert cursor.fetchall() == [("two", "one", 7)]


def test_the_newest_value_of_each_component_and_the_readings_of_a_time(seeded):
    ids = [mapping.mapping_id for mapping in read_mappings(seeded)]
    seeded.rollback()
    write(seeded, ids[0], "valor", [70, 71, 72.5])
    write(seeded, ids[1], "sistolica", [120])
    write(seeded, ids[1], "diastolica", [80, 81])

    keys = [
        (mapping_id, part) for mapping_id in ids for part in ("valor", "sistolica", "diastolica")
    ]
    assert sorted(latest.newest_values(seeded, keys)) == [
        (ids[0], "valor", START + 2_000, 72.5),
        (ids[1], "diastolica", START + 1_000, 81.0),
        (ids[1], "sistolica", START, 120.0),
    ]
    assert latest.readings(seeded, ids[0], "valor", START + 1_000, START + 2_000) == [
        (START + 1_000, 71.0)
    ]
    assert latest.bucketed(seeded, ids[0], "valor", START, START + 60_000, 10_000) == [
        (START, 70.0, 72.5, pytest.approx(71.167, abs=0.001))
    ]
    assert [patient.patient_id for patient in latest.patients(seeded)] == [
        "demo-000001",
        "demo-000002",
    ]
    assert [patient.patient_id for patient in latest.patients(seeded, after=1)] == ["demo-000002"]
    assert latest.patient(seeded, "nobody") is None


def test_ranges_are_found_from_an_offset_on(seeded):
    for first in (0, 5):
        ledger.lock_next_offset(seeded, "t", 0)
        counts = RangeCounts(5, 1, 0, 500, 499, 0, {"missing": 1})
        ledger.record_range(seeded, "t", 0, range(first, first + 5), counts, ["a", "b"])
        seeded.commit()

    assert feed.first_since(seeded, "t", 60) == {0: 0}
    (found,) = feed.ranges_from(seeded, "t", 0, 5)
    assert (found.topic, found.partition, found.first, found.until) == ("t", 0, 5, 10)
    assert (found.counts, found.files) == (counts, ("a", "b"))
    assert feed.ranges_from(seeded, "t", 0, 10) == []


def test_newest_values_read_no_row_for_nothing(seeded):
    """However many rows a sensor has, the server reads a handful of them."""
    ids = [mapping.mapping_id for mapping in read_mappings(seeded)]
    seeded.rollback()
    write(seeded, ids[0], "valor", range(60, 260))
    before = rows_read(seeded)
    list(latest.newest_values(seeded, [(ids[0], "valor")]))

    assert rows_read(seeded) - before < 50


def rows_read(connection):
    cursor = connection.cursor()
    cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read_%'")
    return sum(int(count) for name, count in cursor.fetchall() if name != "Handler_read_rnd_next")
