"""The evidence for reconcile: one snapshot of the tables, in sums and in rows."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from db import batches, ledger
from db.checksums import HOUR_MS, row_checksums, sums_by, wrapped
from db.connection import connect
from db.ledger import RangeCounts
from db.mapping import FOREVER_MS
from db.read.evidence import REGISTRO_ROW, open_evidence
from db.read.quarantined import SETTLED
from db.write.quarantine import headers_text
from schemas import catalogue

TOPIC = "sensor-batches"
YEAR_2020_MS = 1_577_836_800_000
ROWS = [
    (1, "valor", YEAR_2020_MS + 123, 37_291),
    (1, "valor", YEAR_2020_MS + HOUR_MS - 1, 0),
    (1, "valor", YEAR_2020_MS + HOUR_MS, 500),
    (2, "x", -1, -9_807),
    (2, "x", -HOUR_MS, -100_000),
    (1, "valor", -30_610_224_000_000, 99_999_999),
    (1, "valor", 253_402_300_799_999, 1),
]


@pytest.fixture
def filled(worn):
    """Rows at the ends of all hours and times, before 1970 too."""
    cursor = worn.cursor()
    cursor.execute(
        "INSERT INTO registro VALUES (1, 'valor', '2020-01-01 00:00:00.123', 37.291),"
        " (1, 'valor', '2020-01-01 00:59:59.999', 0), (1, 'valor', '2020-01-01 01:00:00', 0.5),"
        " (2, 'x', '1969-12-31 23:59:59.999', -9.807), (2, 'x', '1969-12-31 23:00:00', -100),"
        " (1, 'valor', '1000-01-01', 99999.999), (1, 'valor', '9999-12-31 23:59:59.999', 0.001)"
    )
    worn.commit()
    return worn


def table(rows):
    return pa.Table.from_pylist(
        [dict(zip(REGISTRO_ROW.names, row, strict=True)) for row in rows], REGISTRO_ROW
    )


def checksums(rows):
    return row_checksums(*(column.combine_chunks() for column in table(rows).columns))


def test_the_server_sums_the_rows_of_an_hour_as_we_do(filled, settings):
    hours = np.array([row[2] // HOUR_MS for row in ROWS])
    with open_evidence(settings) as evidence:
        assert evidence.registro_hours() == sums_by(hours, checksums(ROWS))


def test_one_changed_row_changes_its_hour_only(filled, settings):
    with open_evidence(settings) as evidence:
        before = evidence.registro_hours()
    filled.cursor().execute("UPDATE registro SET valor = valor + 0.001 WHERE valor = 0.5")
    filled.commit()
    with open_evidence(settings) as evidence:
        after = evidence.registro_hours()
    changed = {hour for hour in before if before[hour] != after[hour]}
    assert changed == {YEAR_2020_MS // HOUR_MS + 1}


def test_sums_by_hour_and_mapping_are_those_of_the_asked_hours(filled, settings):
    hour = YEAR_2020_MS // HOUR_MS
    last = 253_402_300_799_999 // HOUR_MS
    with open_evidence(settings) as evidence:
        found = evidence.registro_mappings(-1, hour + 1)
        assert evidence.registro_mappings(last, last + 1)[last, 1][0] == 1
    expected = checksums(ROWS)
    assert found == {
        (hour, 1): (2, wrapped(int(expected[0]) + int(expected[1]))),
        (-1, 2): (2, wrapped(int(expected[3]) + int(expected[4]))),
    }


def test_rows_of_an_hour_have_whole_milliseconds_and_thousandths(filled, settings):
    hour = YEAR_2020_MS // HOUR_MS
    with open_evidence(settings) as evidence:
        assert evidence.registro_rows(hour, [1, 2, 3]).sort_by("event_ms") == table(ROWS[:2])
        assert evidence.registro_rows(-1, [2]).sort_by("event_ms") == table([ROWS[4], ROWS[3]])
        assert evidence.registro_rows(-1, [1]) == table([])


def test_rows_of_a_component_that_is_new_in_the_catalogue_are_read(filled, settings, monkeypatch):
    """As docs/how-to/new-sensor.md says: an entry in the catalogue, and a migration of the ENUM."""
    known = catalogue.sensors()
    depth = dataclasses.replace(known[0].components[0], code="profundidade")
    new = dataclasses.replace(known[0], code="respiracao", components=(depth,))
    monkeypatch.setattr(catalogue, "sensors", lambda: (*known, new))
    cursor = filled.cursor()
    cursor.execute(
        "ALTER TABLE registro MODIFY componente"
        " ENUM('valor', 'sistolica', 'diastolica', 'x', 'y', 'z', 'profundidade') NOT NULL"
    )
    cursor.execute("INSERT INTO registro VALUES (2, 'profundidade', '2020-01-01 00:30', 4.5)")
    filled.commit()
    hour = YEAR_2020_MS // HOUR_MS
    with open_evidence(settings) as evidence:
        assert evidence.registro_mappings(hour, hour + 1)[hour, 2][0] == 1
        assert evidence.registro_rows(hour, [2]) == table(
            [(2, "profundidade", YEAR_2020_MS + 1_800_000, 4_500)]
        )


def quarantine(connection, *rows):
    """Topic, offset, series, position, reason, batch id, state."""
    connection.cursor().executemany(
        "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo, lote_id,"
        " estado, recebido_em) VALUES (%s, 0, %s, %s, %s, %s, %s, %s, '2020-01-01 00:00:00.5')",
        rows,
    )
    connection.commit()


def entries(evidence):
    """Batch, series, position of the readings in quarantine."""
    rows = [row for some in evidence.quarantined() for row in some.to_pylist()]
    return sorted((row["batch_id"], row["series"], row["position"]) for row in rows)


def test_quarantine_is_read_without_messages_and_unmapped_readings(migrated, settings):
    batches.record_batches(migrated, TOPIC, 0, {"a": 1, "b": 2})
    quarantine(
        migrated,
        (TOPIC, 1, 0, 0, "missing", "a", "aberta"),
        (TOPIC, 1, 12, 345, "out_of_range", "a", "descartada"),
        (TOPIC, 1, 2, 7, "unmapped", "a", "aberta"),
        (TOPIC, 3, -1, -1, "bad_frame", None, "aberta"),
        ("another-topic", 9, 0, 0, "missing", "c", "aberta"),
    )
    with open_evidence(settings) as evidence:
        assert entries(evidence) == [("a", 0, 0), ("a", 12, 345), ("c", 0, 0)]
        rows = evidence.quarantined_of(["a", "x"]).to_pylist()
        assert [(row["position"], row["reason"]) for row in rows] == [
            (0, "missing"),
            (345, SETTLED),
        ]
        assert {row["kafka_ms"] for row in rows} == {YEAR_2020_MS + 500}
        assert evidence.refused_messages() == 1
        assert evidence.received(["a", "b"]) == {"a": YEAR_2020_MS + 500}


def test_refused_batches_are_recognized_by_their_bytes(migrated, settings):
    migrated.cursor().executemany(
        "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo, mensagem)"
        " VALUES ('t', 0, %s, -1, -1, %s, %s)",
        [(1, "invalid_batch", b"\x00a"), (2, "bad_frame", b"b"), (3, "invalid_batch", None)],
    )
    migrated.commit()
    with open_evidence(settings) as evidence:
        assert list(evidence.refused_bodies()) == [b"\x00a"]


def test_refused_messages_are_read_as_their_dead_letters_must_be(migrated, settings):
    headers = headers_text([{"key": "a", "value": None}, {"key": "ä", "value": b"\xff"}])
    migrated.cursor().executemany(
        "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo, detalhe,"
        " recebido_em, chave, mensagem, cabecalhos)"
        " VALUES (%s, 1, 2, -1, -1, 'bad_frame', 'x', '2020-01-01 00:00:00.500', %s, %s, %s)",
        [("t", b"", b"\x00a", headers), ("u", None, None, None)],
    )
    migrated.commit()
    rest = ("bad_frame", "x", "t", 1, 2, YEAR_2020_MS + 500)
    with open_evidence(settings) as evidence:
        assert list(evidence.refused("t")) == [
            (b"", b"\x00a", [("a", None), ("ä", b"\xff")], *rest)
        ]


def test_an_entry_discarded_before_its_batch_was_processed_again_is_no_outcome(migrated, settings):
    """At the old offset it only records a person's decision; in any other state it is a duplicate."""
    batches.record_batches(migrated, TOPIC, 0, {"a": 7})
    quarantine(
        migrated,
        (TOPIC, 1, 0, 0, "missing", "a", "descartada"),
        (TOPIC, 7, 0, 0, "missing", "a", "aberta"),
    )
    with open_evidence(settings) as evidence:
        assert entries(evidence) == [("a", 0, 0)]
    quarantine(migrated, (TOPIC, 2, 0, 0, "missing", "a", "aberta"))
    with open_evidence(settings) as evidence:
        assert entries(evidence) == [("a", 0, 0)] * 2


def test_unmapped_readings_of_a_range_are_those_that_have_not_entered(migrated, settings):
    quarantine(
        migrated,
        (TOPIC, 1, 0, 0, "unmapped", "a", "aberta"),
        (TOPIC, 1, 0, 1, "unmapped", "a", "resolvida"),
        (TOPIC, 2, 3, 4, "unmapped", "b", "descartada"),
        (TOPIC, 3, 0, 0, "unmapped", "c", "aberta"),
        (TOPIC, 2, 0, 0, "missing", "b", "aberta"),
    )
    commit_range(migrated, range(1, 3))
    with open_evidence(settings) as evidence:
        [part] = evidence.ranges()
        places = evidence.unmapped(part).select(["offset", "series", "position"]).to_pylist()
        assert [tuple(place.values()) for place in places] == [(1, 0, 0), (2, 3, 4)]


def commit_range(connection, offsets, *, topic=TOPIC, partition=0, files=()):
    ledger.lock_next_offset(connection, topic, partition)
    counts = RangeCounts(3, 1, 1, 40, 38, 2, {"missing": 2})
    ledger.record_range(connection, topic, partition, offsets, counts, files)
    connection.commit()


def test_ranges_are_in_the_order_of_their_commits_over_all_partitions(migrated, settings):
    """So the newest value of a key is that of the last range; a partition's own order is certain."""
    commit_range(migrated, range(2), topic="z-first", partition=1, files=["d"])
    commit_range(migrated, range(2, 4), topic="z-first", files=["b", "c"])
    commit_range(migrated, range(2), topic="z-first", files=["a"])
    commit_range(migrated, range(9), topic="a-later")
    with open_evidence(settings) as evidence:
        ranges = evidence.ranges()
        assert evidence.next_offsets()["a-later", 0] == 9
    assert [(row.topic, row.partition, row.first, row.files) for row in ranges] == [
        ("z-first", 1, 0, ("d",)),
        ("z-first", 0, 0, ("a",)),
        ("z-first", 0, 2, ("b", "c")),
        ("a-later", 0, 0, ()),
    ]
    assert {row.counts.repeated_messages for row in ranges} == {1}
    assert {row.counts.unmapped for row in ranges} == {2}


def test_a_look_sees_one_moment_while_others_write(filled, settings):
    with open_evidence(settings) as evidence:
        before = evidence.registro_hours()
        with connect(settings) as writer:
            writer.cursor().execute("DELETE FROM registro")
            batches.record_batches(writer, TOPIC, 0, {"a": 1})
            writer.commit()
        assert evidence.registro_hours() == before
        assert list(evidence.taken()) == []
    with open_evidence(settings) as evidence:
        assert evidence.registro_hours() == {}
        assert list(evidence.taken()) == [("a", TOPIC, 0, 1)]


def test_an_empty_database_is_empty_evidence(migrated, settings):
    with open_evidence(settings) as evidence:
        assert evidence.registro_hours() == {}
        assert evidence.registro_mappings(0, 1) == {}
        assert evidence.ranges() == []
        assert list(evidence.quarantined()) == []
        assert len(evidence.quarantined_of([])) == 0
        assert evidence.refused_messages() == 0


def test_the_mappings_are_those_of_the_consumer(filled, settings):
    with open_evidence(settings) as evidence:
        found = [
            (mapping.mapping_id, mapping.from_ms, mapping.until_ms)
            for mapping in evidence.mappings()
        ]
    assert found == [(1, 0, FOREVER_MS), (2, 0, FOREVER_MS)]
