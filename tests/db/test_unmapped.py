"""Readings that waited for a mapping enter registro once, and only where it covers them."""

import threading
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from db import ledger
from db.connection import connect
from db.mapping import read_mappings
from db.moments import epoch_ms
from db.schema.patients import register
from db.schema.seed import seed
from db.write import registro, unmapped
from db.write.unmapped import Round, enter_mapped
from tests.db.rows import INSERT, readings

NOON = datetime(2026, 11, 24, 12)  # noqa: DTZ001 - the column is UTC without a zone
WAIT = (
    "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo, paciente, sensor,"
    " componente, valor_bruto, medido_em) VALUES ('t', 0, %s, 0, %s, %s, %s, %s, 'valor', %s, %s)"
)
REGISTRO = "SELECT created_at, valor FROM registro ORDER BY 1"
STATES = "SELECT deslocamento, posicao, estado FROM quarentena ORDER BY 1, 2"


@pytest.fixture
def waiting(migrated):
    """Adds a waiting reading of p-1's glucose, `seconds` after noon."""
    seed(migrated, 1, 7)

    def wait(offset, seconds, value, *, position=0, reason="unmapped", patient="p-1"):
        moment = NOON + timedelta(seconds=seconds)
        row = (offset, position, reason, patient, "glicose", value, moment)
        migrated.cursor().execute(WAIT, row)
        migrated.commit()

    return wait


def map_from(connection, seconds=0, patient="p-1"):
    epoch_ms = int((NOON - datetime(1970, 1, 1)).total_seconds() + seconds) * 1000  # noqa: DTZ001
    register(connection, {(patient, "glicose"): epoch_ms})


def test_a_reading_enters_once_its_mapping_covers_it(migrated, waiting, query):
    waiting(1, -1, 90)
    waiting(2, 0, 91.5)
    waiting(3, 1, 92)
    assert enter_mapped(migrated, limit=100) == 0
    map_from(migrated)
    assert enter_mapped(migrated, limit=100) == 2
    entered = [(NOON, Decimal("91.500")), (NOON + timedelta(seconds=1), Decimal("92.000"))]
    assert query(migrated, REGISTRO) == entered
    assert [state for *_, state in query(migrated, STATES)] == ["aberta", "resolvida", "resolvida"]
    assert enter_mapped(migrated, limit=100) == 0
    assert query(migrated, REGISTRO) == entered


def test_of_one_instant_the_newest_offset_wins_over_the_row_that_is_there(migrated, waiting, query):
    """Whoever writes a newer value resolves what waits for its reading: what still waits is newer."""
    waiting(1, 0, 90)
    waiting(2, 0, 91)
    waiting(2, 0, 92, position=1)
    waiting(3, 5, 93)
    map_from(migrated)
    cursor = migrated.cursor()
    cursor.execute(
        "INSERT INTO registro SELECT ps.id, 'valor', %s, 99 FROM paciente_sensor ps"
        " JOIN paciente p ON p.id = ps.paciente_id WHERE p.identificador = 'p-1'",
        (NOON + timedelta(seconds=5),),
    )
    migrated.commit()
    assert enter_mapped(migrated, limit=100) == 4
    assert [value for _, value in query(migrated, REGISTRO)] == [92, 93]


def test_of_one_instant_the_newest_commit_wins_whatever_its_partition(migrated, waiting, query):
    """Partitions were added: a correction has a low offset in a new one, or in an old one later."""
    waiting(8, 0, 90)
    waiting(1, 0, 91)
    waiting(3, 5, 93)
    waiting(9, 5, 92)
    cursor = migrated.cursor()
    cursor.execute("UPDATE quarentena SET particao = 6 WHERE deslocamento IN (1, 9)")
    for partition, first, until in ((6, 5, 10), (0, 0, 9), (6, 0, 5)):
        ledger.record_range(migrated, "t", partition, range(first, until), ledger.NOTHING, ())
    migrated.commit()
    map_from(migrated)
    assert enter_mapped(migrated, limit=100) == 4
    assert [value for _, value in query(migrated, REGISTRO)] == [91, 93]


def test_other_reasons_patients_and_settled_rows_are_left_alone(migrated, waiting, query):
    waiting(1, 0, 90, reason="out_of_range")
    waiting(2, 0, 91, patient="p-2")
    waiting(3, 0, 92, patient="P-1")
    waiting(4, 0, 93)
    cursor = migrated.cursor()
    cursor.execute("UPDATE quarentena SET estado = 'descartada' WHERE deslocamento = 4")
    migrated.commit()
    map_from(migrated)
    assert enter_mapped(migrated, limit=100) == 0
    assert query(migrated, REGISTRO) == []


def test_a_look_ends_near_its_limit_and_the_next_one_goes_on(migrated, waiting, query, monkeypatch):
    monkeypatch.setattr("db.write.unmapped._ROWS_PER_TRANSACTION", 2)
    for number in range(7):
        waiting(number, number, 90)
    map_from(migrated)
    assert enter_mapped(migrated, limit=3) == 4
    assert enter_mapped(migrated, limit=3) == 3
    assert len(query(migrated, REGISTRO)) == 7


def test_two_at_once_enter_each_reading_once(migrated, waiting, query, settings):
    for number in range(300):
        waiting(number, number, 90 + number % 7)
    map_from(migrated)
    counts = []

    def enter():
        with connect(settings) as connection:
            counts.append(enter_mapped(connection, limit=1000))

    threads = [threading.Thread(target=enter) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 300
    assert len(query(migrated, REGISTRO)) == 300
    assert {state for *_, state in query(migrated, STATES)} == {"resolvida"}


def test_a_reading_that_registro_refuses_waits_on_and_stops_no_other(migrated, waiting, query):
    """It says why; once the table accepts it, it enters like any other."""
    migrated.cursor().execute("ALTER TABLE registro ADD CONSTRAINT c CHECK (valor <> 66.6)")
    waiting(1, 0, 90)
    waiting(2, 1, 66.6)
    map_from(migrated)
    assert enter_mapped(migrated, limit=100) == 1
    assert enter_mapped(migrated, limit=100) == 0
    waiting(3, 2, 92)
    assert enter_mapped(migrated, limit=100) == 1
    details = query(migrated, "SELECT estado, detalhe FROM quarentena ORDER BY deslocamento")
    assert [state for state, _ in details] == ["resolvida", "aberta", "resolvida"]
    assert details[1][1]
    assert details[0][1] is details[2][1] is None
    migrated.cursor().execute("ALTER TABLE registro DROP CONSTRAINT c")
    assert enter_mapped(migrated, limit=100) == 1
    assert [value for _, value in query(migrated, REGISTRO)] == [90, Decimal("66.600"), 92]


def test_a_look_is_for_some_pairs_and_the_next_one_goes_on(migrated, waiting, query, monkeypatch):
    """With 18,000 pairs a single look kept the main loop from its heartbeat for too long."""
    monkeypatch.setattr(unmapped, "_PAIRS_PER_LOOK", 2)
    patients = [f"p-{number}" for number in range(1, 6)]
    for offset, patient in enumerate(patients):
        waiting(offset, 0, 90, patient=patient)
        map_from(migrated, patient=patient)
    looks = Round()
    assert [enter_mapped(migrated, limit=100, looks=looks) for _ in range(4)] == [2, 2, 1, 0]
    assert looks.after is None
    assert {state for *_, state in query(migrated, STATES)} == {"resolvida"}


def test_a_correction_that_waited_too_wins_over_the_reading_that_entered(migrated, waiting, query):
    """A worker may have looked its mapping up before there was one."""
    waiting(1, 0, 70)
    map_from(migrated)
    assert enter_mapped(migrated, limit=100) == 1
    waiting(2, 0, 88)
    assert enter_mapped(migrated, limit=100) == 1
    assert [value for _, value in query(migrated, REGISTRO)] == [88]


def test_a_correction_wins_that_came_while_its_mapping_was_ended(migrated, waiting, query):
    """The mapping is ended by mistake and reopened: 70 was there before, 88 is newer."""
    map_from(migrated)
    write(migrated, 5, 70)
    migrated.commit()
    cursor = migrated.cursor()
    cursor.execute("UPDATE paciente_sensor SET ativo_ate = %s", (NOON + timedelta(seconds=2),))
    waiting(2, 5, 88)
    assert enter_mapped(migrated, limit=100) == 0
    cursor.execute("UPDATE paciente_sensor SET ativo_ate = NULL")
    migrated.commit()
    assert enter_mapped(migrated, limit=100) == 1
    assert [value for _, value in query(migrated, REGISTRO)] == [88]


def test_an_older_value_of_the_next_chunk_enters_nothing(migrated, waiting, query, monkeypatch):
    """The values of a reading are settled together, however many there are."""
    monkeypatch.setattr("db.write.unmapped._ROWS_PER_TRANSACTION", 1)
    for offset, (second, value) in enumerate([(0, 70), (1, 71), (0, 80), (1, 81), (0, 88)]):
        waiting(offset, second, value)
    map_from(migrated)
    assert enter_mapped(migrated, limit=1) == 3
    assert enter_mapped(migrated, limit=1) == 2
    assert [value for _, value in query(migrated, REGISTRO)] == [88, 81]


def test_a_refused_value_enters_later_only_if_it_is_the_newest(migrated, waiting, query):
    """Refused values come last; one that is older than what entered has no effect any more."""
    cursor = migrated.cursor()
    cursor.execute("ALTER TABLE registro ADD CONSTRAINT c CHECK (valor <> 66.6)")
    waiting(1, 0, 66.6)
    waiting(2, 1, 90)
    waiting(3, 1, 66.6)
    map_from(migrated)
    assert enter_mapped(migrated, limit=100) == 1
    waiting(4, 0, 91)
    assert enter_mapped(migrated, limit=100) == 2
    cursor.execute("ALTER TABLE registro DROP CONSTRAINT c")
    assert enter_mapped(migrated, limit=100) == 1
    assert [value for _, value in query(migrated, REGISTRO)] == [91, Decimal("66.600")]


def test_a_writer_and_the_sweep_at_once_leave_the_newest_value(migrated, waiting, query, settings):
    """The sweep waits for the writer's transaction, and finds the older value resolved."""
    map_from(migrated)
    waiting(1, 0, 70)
    waiting(2, 1, 71)
    write(migrated, 0, 88)
    counts = []

    def enter():
        with connect(settings) as connection:
            counts.append(enter_mapped(connection, limit=100))

    sweep = threading.Thread(target=enter)
    sweep.start()
    sweep.join(0.5)
    assert sweep.is_alive()
    migrated.commit()
    sweep.join()
    assert counts == [1]
    assert [value for _, value in query(migrated, REGISTRO)] == [88, 71]
    assert {state for *_, state in query(migrated, STATES)} == {"resolvida"}


def test_only_the_same_reading_is_resolved_by_a_newer_value(migrated, waiting, query):
    """Not another patient's, another instant's, or one that a person has discarded."""
    map_from(migrated)
    waiting(1, 0, 70)
    waiting(2, 1, 71)
    waiting(3, 0, 72, patient="P-1")
    waiting(4, 0, 73)
    migrated.cursor().execute("UPDATE quarentena SET estado = 'descartada' WHERE deslocamento = 4")
    write(migrated, 0, 88)
    migrated.commit()
    states = [state for *_, state in query(migrated, STATES)]
    assert states == ["resolvida", "aberta", "aberta", "descartada"]


def write(connection, seconds, value):
    """Writes an accepted reading of p-1's glucose as a worker does; part of the transaction."""
    newer = accepted(connection, seconds, value)
    held = unmapped.lock_waiting(connection, newer)
    registro.upsert(connection, newer, INSERT)
    unmapped.resolve_older(connection, held, newer)


def accepted(connection, seconds, value):
    """An accepted reading of p-1's glucose, `seconds` after noon."""
    (mapping,) = read_mappings(connection, of=("p-1", "glicose"))
    event_ms = epoch_ms(NOON + timedelta(seconds=seconds))
    return (
        readings((mapping.mapping_id, "valor", event_ms, value))
        .append_column("patient_id", [["p-1"]])
        .append_column("sensor", [["glicose"]])
    )
