"""Gaps and repeated windows in their tables, and what a monitor reads by key."""

import pyarrow as pa
import pytest

from common.errors import UnavailableError
from db import ledger
from db.connection import KeptConnection, connect
from db.ledger import RangeCounts
from db.mapping import read_mappings
from db.mend import cadence
from db.mend.cadence import Gap, GapCause, RepeatedWindow
from db.read import feed, latest
from db.schema.migrate import migrate
from db.schema.seed import seed
from db.write import registro
from db.write.bulk import infile_folder
from ops.monitor import gaps
from ops.monitor.gaps import GapKeeper
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
    assert registro.upsert(connection, table, INFILE, writer=0).refused == []
    connection.commit()


def test_gaps_are_written_changed_and_removed(seeded):
    mapping = next(read_mappings(seeded)).mapping_id
    seeded.rollback()
    cadence.settle_gaps(seeded, [gap(1, 0, 0), gap(1, 1, 4), gap(2, 0, 9)], [])
    cadence.settle_gaps(seeded, [gap(1, 1, 7, GapCause.PATIENT)], [(1, START)])

    assert cadence.gaps_of(seeded, [mapping], 0, START + 60_000) == [gap(1, 1, 7, GapCause.PATIENT)]
    assert cadence.gaps_of(seeded, [1, 2], START, START + 1) == [gap(2, 0, 9)]
    assert cadence.gaps_of(seeded, [], START, START + 1) == []


class Book:
    """A gap book that has found these."""

    def __init__(self, *missing):
        self.missing, self.forgotten = list(missing), []

    def settle(self, horizon_ms):
        return self.missing, []

    def forget(self, missing, filled):
        self.forgotten.append((missing, filled))


@pytest.fixture
def kept(settings):
    """A kept connection, as a monitor has."""
    connection = KeptConnection(settings)
    yield connection
    connection.close()


def worn_heart_rates(connection):
    """The mappings of both patients to a sensor that has one component."""
    worn = [one for one in read_mappings(connection) if one.sensor == "frequencia_cardiaca"]
    connection.rollback()
    return [mapping.mapping_id for mapping in worn]


def test_a_gap_that_the_readings_contradict_is_not_written(seeded, kept):
    """A monitor that was not running when the samples came knows only a part of them."""
    full, part = worn_heart_rates(seeded)
    write(seeded, full, "valor", range(60, 70))
    write(seeded, part, "valor", range(60, 67))
    keeper = GapKeeper(Book(gap(full, 0, 2), gap(part, 0, 1)), kept, kept)
    keeper.settle(START)

    assert cadence.gaps_of(seeded, [full, part], 0, START + 60_000) == [gap(part, 0, 7)]


def test_the_sweep_corrects_what_another_monitor_left(seeded, kept):
    full, part = worn_heart_rates(seeded)
    write(seeded, full, "valor", range(60, 70))
    write(seeded, part, "valor", range(60, 67))
    left = [gap(full, 0, 0), gap(part, 0, 3), gap(part, 1, 0, GapCause.PATIENT)]
    cadence.settle_gaps(seeded, left, [])

    assert GapKeeper(Book(), kept, kept).sweep()
    found = cadence.gaps_of(seeded, [full, part], 0, START + 60_000)
    assert found == [gap(part, 1, 0, GapCause.PATIENT), gap(part, 0, 7)]


def test_the_sweep_goes_through_the_table_page_by_page(seeded, kept, monkeypatch):
    monkeypatch.setattr(gaps, "_ROWS_PER_SWEEP", 2)
    full, part = worn_heart_rates(seeded)
    cadence.settle_gaps(seeded, [gap(full, 0, 0), gap(full, 1, 0), gap(part, 0, 0)], [])
    write(seeded, part, "valor", range(60, 70))
    keeper = GapKeeper(Book(), kept, kept)

    assert [keeper.sweep(), keeper.sweep()] == [False, True]
    assert cadence.gaps_of(seeded, [part], 0, START + 60_000) == []


def test_what_cannot_be_written_goes_back_to_the_book(seeded, settings, kept):
    away = KeptConnection(settings.model_copy(update={"db_port": 1}))
    book = Book(gap(worn_heart_rates(seeded)[0], 0, 0))
    with pytest.raises(UnavailableError):
        GapKeeper(book, kept, away).settle(START)

    assert book.forgotten == [(book.missing, [])]


def test_a_gap_of_a_deleted_mapping_is_dropped_and_the_others_are_written(seeded, kept):
    """Deleted after the monitor last read the mappings, or at any later moment."""
    deleted, worn = worn_heart_rates(seeded)
    seeded.cursor().execute("DELETE FROM paciente_sensor WHERE id = %s", (deleted,))
    seeded.commit()
    book = Book(gap(deleted, 0, 0), gap(worn, 0, 0))
    GapKeeper(book, kept, kept).settle(START)

    assert book.forgotten == []
    assert cadence.gaps_of(seeded, [deleted, worn], 0, START + 60_000) == [gap(worn, 0, 0)]


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
