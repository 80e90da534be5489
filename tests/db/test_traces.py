"""The queries of `vitals explain`, on both servers."""

from datetime import UTC, date, datetime, timedelta

import pytest

from db import batches, ledger
from db.ledger import RangeCounts
from db.moments import epoch_ms
from db.read.snapshot import snapshot
from db.read.status import newest_reading
from db.read.traces import Place, RegistroRow, Traces

TOPIC = "sensor-batches"
NOON = datetime(2026, 11, 24, 12)  # noqa: DTZ001 - the columns are UTC without a zone
NOON_MS = epoch_ms(NOON)
FILE = "date=2026-11-24/sensor-batches-0-5-7.parquet"
ENTRIES = (
    "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo, paciente, sensor,"
    " medido_em, recebido_em, chave, mensagem, estado) VALUES"
    " (%s, 0, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


def seconds(number):
    return NOON + timedelta(seconds=number)


def entry(offset, reason, *, series=0, patient="p1", at=NOON, key=None, body=None, state="aberta"):
    position = series
    sensor = None if patient is None else "a"
    return (TOPIC, offset, series, position, reason, patient, sensor, at, at, key, body, state)


@pytest.fixture
def traces(worn, settings):
    cursor = worn.cursor()
    cursor.executemany(
        "INSERT INTO registro VALUES (%s, 'valor', %s, %s)",
        [(1, NOON, 37.291), (1, seconds(-3), 1), (1, seconds(2), 2), (2, seconds(1), 3)],
    )
    cursor.executemany(
        ENTRIES,
        [
            entry(1, "out_of_range"),
            entry(2, "unmapped", state="resolvida"),
            entry(3, "missing", at=seconds(1)),
            entry(4, "missing", patient="P1"),
            entry(5, "refused_by_database", patient=None, body=b"{}"),
            entry(6, "bad_frame", series=-1, patient=None, key=b"p1", at=seconds(60)),
            entry(7, "empty", series=-1, patient=None, key=b"p1", at=seconds(1)),
            entry(8, "empty", series=-1, patient=None, key=b"p2"),
            entry(9, "empty", series=-1, patient=None, key=b"p1", at=NOON - timedelta(days=2)),
        ],
    )
    ledger.lock_next_offset(worn, TOPIC, 0)
    for offsets, repeated, files in ((range(5), 1, []), (range(5, 7), 0, [FILE])):
        counts = RangeCounts(len(offsets), repeated, 0, 0, 0, 0, {})
        ledger.record_range(worn, TOPIC, 0, offsets, counts, files)
    batches.record_batches(worn, TOPIC, 0, {"b" * 36: 6})
    worn.commit()
    with snapshot(settings) as connection:
        yield Traces(connection)


def offsets(entries):
    return [entry.entry.offset for entry in entries]


def test_who_wears_what_and_what_is_there(traces):
    assert [traces.is_registered(patient_id) for patient_id in ("p1", "P1")] == [True, False]
    assert [mapping.mapping_id for mapping in traces.mappings("p1", "a")] == [1]
    assert traces.registro([1, 2], "valor", NOON_MS) == [RegistroRow(1, "valor", 37.291)]
    assert traces.registro([1, 2], "x", NOON_MS) == []


def test_the_rows_next_to_an_instant_are_those_of_all_the_mappings(traces):
    before, after = NOON_MS - 3000, NOON_MS + 2000
    assert traces.neighbours([1], "valor", NOON_MS) == (before, after)
    assert traces.neighbours([1, 2], "valor", NOON_MS) == (before, NOON_MS + 1000)
    assert traces.neighbours([], "valor", NOON_MS) == (None, None)


def test_entries_are_those_of_the_very_patient_and_instant(traces):
    assert sorted(offsets(traces.quarantined("p1", NOON_MS))) == [1, 2]
    assert offsets(traces.bare()) == [5]
    assert traces.quarantined_at(Place(TOPIC, 0, 3), 0, 0).entry.reason == "missing"
    assert traces.quarantined_at(Place(TOPIC, 0, 3), 0, 1) is None


def test_refused_messages_of_a_patient_come_nearest_first_and_not_from_long_before(traces):
    assert offsets(traces.refused("p1", NOON_MS)) == [7, 6]


def test_the_ledger_is_asked_by_offset_by_day_and_by_repeats(traces):
    found = traces.range_at(Place(TOPIC, 0, 6))
    assert (found.first, found.until, found.files) == (5, 7, (FILE,))
    assert traces.range_at(Place(TOPIC, 0, 7)) is None
    assert traces.range_at(Place(TOPIC, 1, 6)) is None
    assert [row.first for row in traces.ranges_of_day(date(2026, 11, 24))] == [5]
    assert traces.ranges_of_day(date(2026, 11, 23)) == []
    assert [row.first for row in traces.ranges_with_repeats(0)] == [0]
    assert traces.taken(["b" * 36, "c" * 36]) == {"b" * 36: Place(TOPIC, 0, 6)}
    assert traces.next_offsets(TOPIC) == {0: 7}


def test_the_newest_reading_is_that_of_any_sensor(worn):
    assert newest_reading(worn) is None
    worn.cursor().execute(
        "INSERT INTO componente_sensor (sensor_id, componente, minimo, maximo)"
        " VALUES (1, 'valor', 0, 1), (2, 'valor', 0, 1), (2, 'x', 0, 1)"
    )
    worn.cursor().executemany(
        "INSERT INTO registro VALUES (%s, 'valor', %s, 1)",
        [(1, seconds(5)), (2, seconds(7)), (2, NOON)],
    )
    assert newest_reading(worn) == seconds(7).replace(tzinfo=UTC)
