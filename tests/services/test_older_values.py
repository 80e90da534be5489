"""An older value never replaces a newer one, however late it arrives."""

import re
from contextlib import closing, contextmanager

import pytest

from common.times import unix_ms
from db.connection import connect
from db.read.evidence import open_evidence
from ops.cli.commands.reconcile import _publish
from ops.reconcile.plan import plan_repair
from ops.reconcile.prove import compare
from ops.reconcile.repair import repair
from producer.delivery.outbox import Outbox
from producer.delivery.publisher import Publisher
from producer.replay import ReplayPlan, replay_file
from schemas.batch import SensorBatch, Series, batch_id
from tests.archives import claimed_archive
from tests.services.asking import vitals
from tests.services.checks import assert_proved
from tests.services.test_resend import changed, resend

PATIENT = "demo-000001"
START = 1_714_557_600_000
FIRST, SECOND = "2024-05-01T10:00:00Z", "2024-05-01T10:00:01Z"
VALUES = "SELECT CAST(valor AS SIGNED) FROM registro ORDER BY created_at"
ENTRIES = "SELECT motivo, estado FROM quarentena WHERE posicao >= 0 ORDER BY deslocamento, posicao"


def values(pipeline):
    return [value for (value,) in pipeline.rows(VALUES)]


def heart_rate(*values, source, patient_id=PATIENT, age_ms=0):
    """Values from the first instant on, made so long ago."""
    series = Series("frequencia_cardiaca", None, "bpm", START, 1000, list(values))
    made = batch_id(source, patient_id, START)
    return SensorBatch(made, patient_id, "test", START, unix_ms() - age_ms, (series,))


def file_of(folder, name, *readings):
    """A file of heart rates: (time, value)."""
    path = folder / name
    lines = [f"{PATIENT},{moment},frequencia_cardiaca,,{value},bpm" for moment, value in readings]
    path.write_text("\n".join(["patient_id,timestamp,sensor,component,value,unit", *lines]))
    return path


def replay(pipeline, path):
    return replay_file(ReplayPlan.of(path), pipeline.kafka, pipeline.output / "raw", None)


@contextmanager
def waiting(pipeline, owner, *batches):
    """As a producer has them that archived them and cannot publish; it ends with the block."""
    with claimed_archive(pipeline.output / "raw", owner) as archive:
        archive.write(batches[0].window_start, batches)
        yield


def adopt(pipeline):
    """Another producer finds what waits, and publishes it."""
    with (
        claimed_archive(pipeline.output / "raw", "adopter") as archive,
        closing(Publisher(pipeline.kafka)) as publisher,
    ):
        outbox = Outbox(archive, publisher)
        assert outbox.recover() == 1
        outbox.drain(60)
        assert len(outbox) == 0


def test_what_waited_in_an_outbox_does_not_replace_its_correction(pipeline, tmp_path):
    """The rest of it enters. Explain says why; the proof knows the rule."""
    with pipeline.warm_consumer():
        with waiting(pipeline, "away", heart_rate(70, 71, source="older")):
            replay(pipeline, file_of(tmp_path, "correction.csv", (FIRST, 88)))
            pipeline.wait_for_messages(1)
        adopt(pipeline)
        pipeline.wait_for_messages(2)
    assert values(pipeline) == [88, 71]
    assert pipeline.rows(ENTRIES) == [("overtaken", "aberta")]
    proof = assert_proved(pipeline)
    assert (proof.accepted, proof.quarantined, proof.superseded) == (2, 1, 0)
    told = vitals(pipeline, "explain", PATIENT, "frequencia_cardiaca", FIRST)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "registro has 88" in told.stdout
    assert "came late, a newer value is stored" in told.stdout
    assert re.search(r"this one was known since 20\d\d-", told.stdout)
    # it is never sent again: a newer value is there
    code, said = resend(pipeline)
    assert (code, pipeline.rows(ENTRIES)) == (0, [("overtaken", "aberta")]), said


def test_of_two_values_that_waited_the_one_that_was_made_later_stays(pipeline):
    """In whatever order they arrive; also where neither has a mapping yet, and in one range."""
    for number, patient_id in enumerate((PATIENT, "nobody")):
        older = heart_rate(70, source="older", patient_id=patient_id, age_ms=9_000)
        newer = heart_rate(88, source="newer", patient_id=patient_id, age_ms=6_000)
        for owner, batch in (("second", newer), ("first", older)):
            with waiting(pipeline, f"{owner}-{number}", batch):
                pass
            adopt(pipeline)
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(4)
        assert values(pipeline) == [88]
        newest = heart_rate(90, source="newest")
        with waiting(pipeline, "third", newest):
            pass
        adopt(pipeline)
        pipeline.wait_for_messages(5)
    assert values(pipeline) == [90]
    assert_proved(pipeline)


def test_a_correction_that_arrives_between_a_repairs_plan_and_its_republish_stays(pipeline):
    with pipeline.warm_consumer():
        pipeline.publish(heart_rate(70, 71, source="older"))
        pipeline.wait_for_messages(1)
        [file] = pipeline.output.glob("trusted/date=*/*.parquet")
        file.unlink()
        found = compare(pipeline.kafka, pipeline.database, pipeline.output)
        with open_evidence(pipeline.database) as evidence:
            plan = plan_repair(found, evidence)
        assert len(plan.publish) == 1
        pipeline.publish(heart_rate(88, source="correction"))
        pipeline.wait_for_messages(2)

        def publish(archived):
            _publish(pipeline.kafka, print, plan.ordered_ms, archived)

        trusted = pipeline.output / "trusted"
        seen = found.next_offsets
        repair(plan, pipeline.database, trusted, seen, publish, pytest.fail, print)
        pipeline.wait_for_messages(3)
    assert values(pipeline) == [88, 71]
    assert pipeline.rows(ENTRIES) == [("overtaken", "aberta")]
    assert_proved(pipeline)


def test_a_repair_keeps_the_order_of_values_that_came_late(pipeline, tmp_path):
    """The older value came last and is in quarantine; all of it is processed again."""
    with pipeline.warm_consumer():
        with waiting(pipeline, "away", heart_rate(70, 71, source="older")):
            replay(pipeline, file_of(tmp_path, "correction.csv", (FIRST, 88)))
            pipeline.wait_for_messages(1)
        adopt(pipeline)
        pipeline.wait_for_messages(2)
        for file in pipeline.output.glob("trusted/date=*/*.parquet"):
            file.unlink()
        done = vitals(pipeline, "reconcile", "--repair", "--wait", "60")
        assert done.returncode == 0, done.stdout + done.stderr
    assert values(pipeline) == [88, 71]


def test_a_repair_reopens_no_entry_and_a_resend_undoes_no_correction(make_pipeline, tmp_path):
    """350 becomes plausible and is resent; it is corrected; then its range is processed again."""
    pipeline = make_pipeline(partitions=1)
    folder = tmp_path / "later"
    folder.mkdir()
    later = changed(folder)
    with pipeline.warm_consumer():
        older = heart_rate(70, 350, 999, source="older")
        pipeline.publish(older)
        pipeline.wait_for_messages(1)
    with pipeline.warm_consumer(**later):
        code, said = resend(pipeline, **later)
        assert code == 0, said
        pipeline.wait_for_messages(2)
        assert pipeline.rows(ENTRIES)[:2] == [
            ("out_of_range", "resolvida"),
            ("out_of_range", "reenviada"),
        ]
        replay(pipeline, file_of(tmp_path, "correction.csv", (SECOND, 88)))
        pipeline.wait_for_messages(3)
    # by the rules of its day the range of the resent batch is wrong, too: both are processed again
    change(pipeline, "UPDATE quarentena SET valor_bruto = 1 WHERE deslocamento = 0 AND posicao = 1")
    with pipeline.warm_consumer():
        done = vitals(pipeline, "reconcile", "--repair", "--wait", "60")
        assert done.returncode in {0, 1}, done.stdout + done.stderr
    decided = pipeline.rows(
        "SELECT valor_bruto, estado FROM quarentena WHERE lote_id = %s ORDER BY 1", older.batch_id
    )
    assert decided == [(350.0, "resolvida"), (999.0, "reenviada")]
    with pipeline.warm_consumer(**later):
        code, said = resend(pipeline, **later)
        assert code == 0, said
    assert values(pipeline) == [70, 88]


def test_a_reading_that_is_resent_does_not_replace_its_correction(make_pipeline, tmp_path):
    pipeline = make_pipeline(partitions=1)
    folder = tmp_path / "later"
    folder.mkdir()
    later = changed(folder)
    with pipeline.warm_consumer():
        pipeline.publish(heart_rate(350, 360, source="older"))
        pipeline.wait_for_messages(1)
        replay(pipeline, file_of(tmp_path, "correction.csv", (FIRST, 88)))
        pipeline.wait_for_messages(2)
    with pipeline.warm_consumer(**later):
        code, said = resend(pipeline, **later)
        assert code == 0, said
    assert values(pipeline) == [88, 360]
    assert pipeline.rows(ENTRIES) == [
        ("out_of_range", "reenviada"),
        ("out_of_range", "resolvida"),
        ("overtaken", "aberta"),
    ]


def test_a_file_with_appended_rows_undoes_no_correction_sent_meanwhile(pipeline, tmp_path):
    """In the same window, so that the appended row shares its batch with an older value."""
    with pipeline.warm_consumer():
        replay(pipeline, file_of(tmp_path, "ward.csv", (FIRST, 70)))
        pipeline.wait_for_messages(1)
        replay(pipeline, file_of(tmp_path, "correction.csv", (FIRST, 88)))
        pipeline.wait_for_messages(2)
        report = replay(pipeline, file_of(tmp_path, "ward.csv", (FIRST, 70), (SECOND, 71)))
        pipeline.wait_for_messages(4)
    assert report.rows_before == 1
    assert values(pipeline) == [88, 71]
    assert assert_proved(pipeline).repeated_messages == 1


def change(pipeline, statement):
    with connect(pipeline.database) as connection:
        connection.cursor().execute(statement)
        connection.commit()
