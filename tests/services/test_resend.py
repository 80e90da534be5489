"""Quarantined entries go through the topic again: the same cleaning, marked exactly once."""

import json
import shutil
import signal
from dataclasses import replace

from common.crash_points import CrashPoint
from db.connection import connect
from schemas.batch import Series, batch_id
from schemas.wire.codec import Codec
from schemas.wire.signature import SIGNATURE, SIGNED_BY
from schemas.wire.versions import versions
from tests.builders import invented_version
from tests.services.asking import vitals
from tests.services.checks import REGISTRO, assert_proved, heart_rate
from tests.services.pipeline import REPOSITORY
from tests.services.simulated import now_ms

STATES = (
    "SELECT motivo, estado, COUNT(*) FROM quarentena WHERE lote_id <=> %s OR %s IS NULL"
    " GROUP BY 1, 2 ORDER BY 1, 2"
)
NEWER = Codec([*versions(), invented_version()])
RESEND_POINTS = (
    *("resend.claimed", "file.written", "file.renamed", "file.durable", "outbox.queued"),
    *("outbox.acknowledged", "move.renamed", "move.durable", "resend.sent", "resend.taken"),
    *("resend.marked", "resend.taken:2", "resend.marked:2"),
)


def test_every_crash_point_of_the_command_is_swept():
    assert {point.partition(":")[0] for point in RESEND_POINTS} >= {
        point for point in CrashPoint if point.startswith("resend.")
    }


def states(pipeline):
    return pipeline.rows(STATES, None, None)


def changed(folder):
    """The environment of a later release: heart rates up to 400 are plausible, schema version 2."""
    shutil.copytree(REPOSITORY / "schemas", folder / "schemas")
    catalogue = folder / "schemas" / "catalogue.json"
    document = json.loads(catalogue.read_text())
    [heart] = [sensor for sensor in document["sensors"] if sensor["code"] == "frequencia_cardiaca"]
    heart["components"][0]["plausible"][1] = 400
    catalogue.write_text(json.dumps(document))
    version = folder / "schemas" / "wire" / "sensor_batch_v2.avsc"
    version.write_text(json.dumps(invented_version().document))
    module = folder / "schemas" / "wire" / "versions.py"
    module.write_text(module.read_text().replace("LATEST = 1", "LATEST = 2"))
    # without the folder that python -m puts first, ours precedes the installed one
    return {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}


def resend(pipeline, *options, **environment):
    """`vitals quarantine resend`: its exit code and what it prints."""
    done = vitals(pipeline, "quarantine", "resend", *options, **environment)
    return done.returncode, done.stdout + done.stderr


def reconciled(pipeline, **environment):
    """The proof by the rules of that release: what was refused by earlier ones is settled by now."""
    done = vitals(pipeline, "reconcile", "--json", **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def newer_message(values, *, start, archived_in=None):
    """A batch as only the next schema version writes it."""
    batch = heart_rate(values, start=start, source="newer")
    return batch, (batch.patient_id, NEWER.encode(batch), [("a", None), ("a", b"\xff")])


def test_after_rules_and_schema_changed_what_is_good_now_enters_and_the_rest_says_why(
    make_pipeline, tmp_path
):
    """With the same cleaning: what is refused again gets a new entry; a message keeps its bytes."""
    pipeline = make_pipeline(partitions=2)
    later = changed(tmp_path)
    start = now_ms() - 60_000
    values = [70.0, 350.0, 999.0, 360.0, float("nan")]
    unread, message = newer_message([340.0, 998.0], start=start + 30_000)
    pipeline.publish(
        heart_rate(values, start=start),
        heart_rate([71.0], start=start, patient_id="nobody"),
        heart_rate([72.0], start=now_ms() + 3_600_000),
    )
    pipeline.publish_raw(message, (b"k", b"{}", None))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(5)
    before = states(pipeline)
    assert before == [
        ("bad_frame", "aberta", 1),
        ("future_timestamp", "aberta", 1),
        ("missing", "aberta", 1),
        ("out_of_range", "aberta", 3),
        ("unknown_schema", "aberta", 1),
        ("unmapped", "aberta", 1),
    ]
    with pipeline.warm_consumer(**later):
        code, printed = resend(pipeline, "--dry-run", **later)
        assert code == 0, printed
        assert "4 readings (missing 1, out_of_range 3)" in printed
        assert "the whole message (unknown_schema)" in printed
        assert "1 messages that still cannot be read" in printed
        assert "1 of the future" in printed
        assert states(pipeline) == before
        code, printed = resend(pipeline, **later)
        assert code == 0, printed
    assert "sent 5 entries again in 2 batches: 3 resolved, 2 refused again" in printed
    assert states(pipeline) == [
        ("bad_frame", "aberta", 1),
        ("future_timestamp", "aberta", 1),
        ("missing", "aberta", 1),
        ("missing", "reenviada", 1),
        ("out_of_range", "aberta", 2),
        ("out_of_range", "resolvida", 2),
        ("out_of_range", "reenviada", 1),
        ("unknown_schema", "resolvida", 1),
        ("unmapped", "aberta", 1),
    ]
    assert [float(row[4]) for row in pipeline.rows(REGISTRO)] == [70.0, 350.0, 360.0, 340.0]
    [body] = pipeline.rows("SELECT mensagem FROM quarentena WHERE motivo = 'unknown_schema'")
    copies = [message for message in pipeline.messages() if message.value() == bytes(body[0])]
    assert len(copies) == 2
    original, resent = (copy.headers() for copy in copies)
    assert original == resent[:2] == [("a", None), ("a", b"\xff")]
    assert [name for name, _ in resent[-2:]] == [SIGNED_BY, SIGNATURE]
    assert copies[0].key() == copies[1].key()
    assert pipeline.rows("SELECT COUNT(*) FROM lote WHERE lote_id = %s", unread.batch_id) == [(1,)]
    proof = reconciled(pipeline, **later)
    assert (proof["superseded"], proof["refused_messages"]) == (0, 2)


def test_filters_choose_and_one_pressure_brings_the_other(pipeline):
    """Nothing changed, so the chosen ones are refused again, each with a new entry."""
    start = now_ms() - 60_000
    runs = [
        Series("pressao_arterial", part, "mmHg", start, 1000, [value])
        for part, value in (("sistolica", 80.0), ("diastolica", 90.0))
    ]
    identity = batch_id("pressure", "demo-000002", start)
    batch = replace(heart_rate([999.0], start=start), batch_id=identity, patient_id="demo-000002")
    pipeline.publish(
        replace(batch, series=(*batch.series, *runs)), heart_rate([998.0, 997.0], start=start)
    )
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(2)
        code, printed = resend(
            pipeline, "--reason", "pressure_inverted", "--sensor", "pressao_arterial"
        )
        assert (code, "2 entries again in 1 batches: 0 resolved, 2 refused again" in printed) == (
            *(0, True),
        ), printed
        moment = f"{(start + 1000) / 1000:.0f}"
        code, printed = resend(
            pipeline,
            "--patient",
            "demo-000001",
            "--since",
            iso(int(moment)),
            "--until",
            "2099-01-01",
        )
        assert (code, "sent 1 entries again" in printed) == (0, True), printed
    assert states(pipeline) == [
        ("out_of_range", "aberta", 3),
        ("out_of_range", "reenviada", 1),
        ("pressure_inverted", "aberta", 2),
        ("pressure_inverted", "reenviada", 2),
    ]
    assert assert_proved(pipeline).accepted == 0


def iso(seconds):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def test_killed_at_every_step_and_run_again_it_ends_alike(make_pipeline, tmp_path):
    """Each run starts from what the killed one left, sometimes with other filters."""
    pipeline = make_pipeline(partitions=2)
    later = changed(tmp_path)
    start = now_ms() - 1_000_000
    for index in range(len(RESEND_POINTS)):
        at = start + index * 10_000
        _, message = newer_message([330.0], start=at + 5_000)
        pipeline.publish(heart_rate([70.0, 350.0, 999.0, 351.0], start=at))
        pipeline.publish_raw(message)
    count = len(RESEND_POINTS)
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(2 * count)
    with pipeline.warm_consumer(**later):
        for index, point in enumerate(RESEND_POINTS):
            until = start + (index + 1) * 10_000
            options = ["--until", iso(until // 1000)]
            # whole messages are filtered by when they were received: only the last run has all
            if index % 3 == 1:
                options += ["--reason", "out_of_range"]
            code, _ = resend(pipeline, *options, CRASH_POINT=point, **later)
            assert code == -signal.SIGKILL, (point, code)
        code, printed = resend(pipeline, **later)
        assert code == 0, printed
    found = {(reason, state): number for reason, state, number in states(pipeline)}
    assert found["out_of_range", "resolvida"] == 2 * count
    assert found["out_of_range", "aberta"] == count
    assert found["unknown_schema", "resolvida"] == count
    assert ("unknown_schema", "aberta") not in found
    claimed = "SELECT COUNT(*) FROM quarentena WHERE estado = 'aberta' AND lote_reenvio IS NOT NULL"
    assert pipeline.rows(claimed) == [(0,)]
    values = [float(row[4]) for row in pipeline.rows(REGISTRO)]
    assert sorted(values) == sorted([70.0, 350.0, 351.0, 330.0] * count)
    proof = reconciled(pipeline, **later)
    assert (proof["superseded"], proof["registro"]) == (0, 4 * count)


def test_without_a_consumer_it_says_so_and_the_next_run_marks(pipeline):
    pipeline.publish(heart_rate([999.0], start=now_ms() - 60_000))
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1)
    code, printed = resend(pipeline, "--wait", "2")
    assert code == 3
    assert "run the same command again" in printed
    code, printed = resend(pipeline, "--dry-run")
    assert "under way since an earlier run" in printed
    with pipeline.warm_consumer():
        code, printed = resend(pipeline)
    assert (code, "sent 1 entries again in 1 batches" in printed) == (0, True), printed
    assert states(pipeline) == [("out_of_range", "aberta", 1), ("out_of_range", "reenviada", 1)]
    assert_proved(pipeline)


def test_what_was_kept_bare_or_refused_by_the_database_comes_back_too(make_pipeline):
    """Once the administrator has removed the rule that refused it."""
    pipeline = make_pipeline(partitions=1)
    with connect(pipeline.database) as connection:
        cursor = connection.cursor()
        cursor.execute("ALTER TABLE registro ADD CONSTRAINT c CHECK (valor <> 66.6)")
        cursor.execute(
            "CREATE TRIGGER t BEFORE INSERT ON quarentena FOR EACH ROW BEGIN IF"
            " NEW.paciente = 'demo-000003' THEN SIGNAL SQLSTATE '45000'; END IF; END"
        )
    start = now_ms() - 60_000
    pipeline.publish(
        heart_rate([66.6, 70.0], start=start),
        heart_rate([66.6, 71.0], start=start, patient_id="demo-000003"),
    )
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(2)
        assert states(pipeline) == [("refused_by_database", "aberta", 2)]
        with connect(pipeline.database) as connection:
            cursor = connection.cursor()
            cursor.execute("ALTER TABLE registro DROP CONSTRAINT c")
            cursor.execute("DROP TRIGGER t")
        code, printed = resend(pipeline, "--reason", "refused_by_database")
        assert code == 0, printed
    assert states(pipeline) == [("refused_by_database", "resolvida", 2)]
    assert sorted(float(row[4]) for row in pipeline.rows(REGISTRO)) == [66.6, 66.6, 70.0, 71.0]
    assert_proved(pipeline)
