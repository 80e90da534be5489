"""`vitals explain`: the lines of the archive and the rows of trusted files that hold a reading."""

import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer.worker.readings import READINGS
from db.read.traces import Place
from ops.explain.archive import ArchiveLook
from ops.explain.question import Question
from ops.explain.trusted import TrustedLook
from ops.look.messages import SeenMessage, header_texts
from ops.progress import Progress
from schemas.cleaning.times import LAST_TIME_MS
from schemas.files.attempts import begin_attempt
from schemas.files.trusted import TrustedFormat, write_trusted
from schemas.wire.codec import default_codec
from tests.archives import claimed_archive
from tests.builders import GOLDEN, GOLDEN_BATCH, NOW, PATIENT, batch, ledger_row, series
from tests.first_taken import CASES

ASKED = Question(PATIENT, "glicose", "valor", NOW)
QUIET = Progress(print)


@pytest.fixture
def archive(tmp_path):
    with claimed_archive(tmp_path, "p1") as archive:
        yield archive


def lines(found):
    return [(sighting.file.split("/")[0], sighting.line, sighting.is_waiting) for sighting in found]


def test_only_lines_with_the_reading_are_found_wherever_the_file_is(archive, tmp_path):
    others = [
        batch(series(), patient_id="demo-000002"),
        batch(series(start=NOW + 1)),
        batch(series("umidade_pele")),
    ]
    path = archive.write(NOW, [*others, batch(series(values=[math.nan]))])
    look = ArchiveLook(tmp_path, QUIET)
    assert lines(look.waiting(ASKED)) == [("pending", 4, True)]
    assert look.near(ASKED, NOW) == []
    archive.finish(path)
    assert look.waiting(ASKED) == []
    assert lines(look.near(ASKED, NOW)) == [("date=2026-09-21", 4, False)]
    assert (look.outbox_files(), look.unreadable) == (0, [])


def test_files_of_other_times_are_not_opened(archive, tmp_path):
    """Judged by the tick in the name alone: even a broken one is not noticed."""
    path = archive.write(NOW - 3_600_000, [batch(series())])
    archive.finish(path)
    (tmp_path / "date=2026-09-21" / "20260921T120000.000Z_p1.jsonl").write_bytes(b'{"demo-000001"')
    look = ArchiveLook(tmp_path, QUIET)
    assert look.near(ASKED, NOW) == []
    assert look.unreadable == []


def test_a_broken_file_is_named_and_stops_nothing(archive, tmp_path):
    (tmp_path / "pending" / "20260921T141320.000Z_p0.jsonl").write_bytes(b'{"x": "demo-000001"')
    archive.write(NOW, [batch(series())])
    look = ArchiveLook(tmp_path, QUIET)
    assert lines(look.waiting(ASKED)) == [("pending", 1, True)]
    assert [problem.split(":")[0] for problem in look.unreadable] == [
        "20260921T141320.000Z_p0.jsonl"
    ]


def test_the_last_time_that_there_is_can_be_asked_for(tmp_path):
    """A message whose timestamp is later counts as of then."""
    assert ArchiveLook(tmp_path, QUIET).near(ASKED, LAST_TIME_MS) == []


def accepted(*readings):
    plain = {"partition": 0, "kafka_ms": NOW + 50, "series": 0, "batch_id": "b", "unit": "mg/dL"}
    rows = [
        {"patient_id": patient, "sensor": "glicose", "component": "valor", "position": position}
        | {"offset": 7, "event_ms": at, "value": value}
        | plain
        for position, (patient, at, value) in enumerate(readings)
    ]
    return pa.Table.from_pylist(rows, READINGS)


def write(folder, rows, form):
    with begin_attempt(folder, "t", 0) as attempt:
        return write_trusted(attempt, rows, offsets=range(7, 8), form=form)


def look_up(folder, names):
    look = TrustedLook(folder, QUIET)
    found = look.rows([ledger_row(range(7, 8), *names)], ASKED)
    return look, found


@pytest.mark.parametrize("form", TrustedFormat)
def test_the_row_of_a_trusted_file_is_found_in_either_format(tmp_path, form):
    rows = accepted((PATIENT, NOW - 1000, 1.0), ("demo-000002", NOW, 2.0), (PATIENT, NOW, 3.0))
    names = write(tmp_path, rows, form)
    look, [row] = look_up(tmp_path, names)
    assert (row.file, row.row, row.rows, row.value) == (names[0], 3, 3, 3.0)
    assert (row.place, row.series, row.position) == (Place("t", 0, 7), 0, 2)
    assert (row.kafka_ms, row.unit, look.gone) == (NOW + 50, "mg/dL", {})


def test_rows_are_counted_over_all_groups_and_files_without_statistics_are_read(tmp_path):
    form = TrustedFormat.PARQUET
    rows = accepted((PATIENT, NOW - 1000, 1.0), (PATIENT, NOW - 500, 2.0), (PATIENT, NOW, 3.0))
    (name,) = write(tmp_path, rows, form)
    for statistics in (False, ["event_time"]):
        table = pq.ParquetFile(tmp_path / name).read()
        pq.write_table(table, tmp_path / name, row_group_size=1, write_statistics=statistics)
        _, [row] = look_up(tmp_path, [name])
        assert (row.row, row.rows, row.value) == (3, 3, 3.0)


def test_missing_and_unreadable_files_are_named(tmp_path):
    gone, broken = ("date=2026-09-21/t-0-7-8.parquet", "date=2026-09-21/t-0-8-9.parquet")
    (tmp_path / "date=2026-09-21").mkdir()
    (tmp_path / broken).write_bytes(b"PAR?")
    look, found = look_up(tmp_path, [gone, broken, "date=2026-09-22/another-day.parquet"])
    assert found == []
    assert set(look.gone) == {gone, broken}
    assert look.gone[gone] == "it is gone"


@pytest.mark.parametrize(("headers", "taken"), [*CASES, (None, NOW)])
def test_a_batch_that_came_again_was_taken_when_it_came_first(headers, taken):
    """By the consumer's own rule; of repeated headers the first one counts."""
    message = SeenMessage(Place("t", 0, 1), PATIENT, header_texts(headers), GOLDEN[1], NOW)
    assert message.taken_ms == taken


def test_a_message_names_its_batch_and_the_version_of_its_schema():
    message = SeenMessage(Place("t", 0, 1), PATIENT, {}, GOLDEN[1], NOW)
    assert (message.schema_version, message.fingerprint) == (1, GOLDEN[1][:10].hex())
    assert message.batch.batch_id == GOLDEN_BATCH.batch_id


def test_an_unreadable_message_has_no_batch_and_no_version():
    message = SeenMessage(Place("t", 0, 1), None, header_texts([("a", None)]), b"{}", NOW)
    assert (message.batch, message.schema_version, message.headers) == (None, None, {})
    texts = header_texts(default_codec().headers(GOLDEN_BATCH))
    assert texts["producer-id"] == "p1"
