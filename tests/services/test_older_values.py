"""An older value never replaces a newer one, however late it arrives."""

from ops.cli.commands.reconcile import prove
from producer.replay import ReplayPlan, replay_file

PATIENT = "demo-000001"
FIRST, SECOND = "2024-05-01T10:00:00Z", "2024-05-01T10:00:01Z"
VALUES = "SELECT CAST(valor AS SIGNED) FROM registro ORDER BY created_at"


def values(pipeline):
    return [value for (value,) in pipeline.rows(VALUES)]


def file_of(folder, name, *readings):
    """A file of heart rates: (time, value)."""
    path = folder / name
    lines = [f"{PATIENT},{moment},frequencia_cardiaca,,{value},bpm" for moment, value in readings]
    path.write_text("\n".join(["patient_id,timestamp,sensor,component,value,unit", *lines]))
    return path


def replay(pipeline, path):
    return replay_file(ReplayPlan.of(path), pipeline.kafka, pipeline.output / "raw", None)


def assert_proved(pipeline):
    proof = prove(pipeline.kafka, pipeline.database, pipeline.output)
    assert proof.is_proved, proof.findings
    return proof


def test_a_file_with_appended_rows_undoes_no_correction_sent_meanwhile(pipeline, tmp_path):
    """In the same window, so that the appended row shares its batch with an older value."""
    with pipeline.consumer():
        replay(pipeline, file_of(tmp_path, "ward.csv", (FIRST, 70)))
        pipeline.wait_for_messages(1)
        replay(pipeline, file_of(tmp_path, "correction.csv", (FIRST, 88)))
        pipeline.wait_for_messages(2)
        report = replay(pipeline, file_of(tmp_path, "ward.csv", (FIRST, 70), (SECOND, 71)))
        pipeline.wait_for_messages(4)
    assert report.rows_before == 1
    assert values(pipeline) == [88, 71]
    assert assert_proved(pipeline).repeated_messages == 1
