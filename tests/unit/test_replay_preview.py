"""What `vitals replay --preview` says, and what the ids of batches depend on."""

import re

from producer.replay import ReplayPlan, preview_file
from producer.replay.anchor import file_digest
from producer.replay.moments import Epochs
from producer.replay.windows import batches_of
from tests.unit.replaying import HEADER, file_of, read, text_file

SENTINELS = [
    HEADER,
    "s-1,2026-03-01T08:00:00Z,frequencia_cardiaca,,72,bpm",
    "s-1,2026-03-01T08:01:00Z,frequencia_cardiaca,,73,bpm",
    "s-1,9999-12-31T23:59:59Z,frequencia_cardiaca,,,bpm",
    "s-1,0001-01-01T00:00:00Z,frequencia_cardiaca,,74,bpm",
]


def test_a_preview_says_what_would_become_of_each_row_and_changes_nothing(tmp_path, capsys):
    """With sentinels in the file, the two real readings end now and would be accepted."""
    lines = [
        *SENTINELS,
        "s-1,2026-03-01T08:00:30Z,frequencia_cardiaca,,9000,bpm",
        "s-1,2026-03-01T08:00:30Z,humor,,1,",
        f"{'x' * 65},2026-03-01T08:00:30Z,frequencia_cardiaca,,70,bpm",
        "s-1,yesterday,frequencia_cardiaca,,70,bpm",
    ]
    path = file_of(tmp_path, "\n".join(lines).encode())
    plan = ReplayPlan.of(path, start="now")
    line, unreadable = preview_file(plan, tmp_path)
    # five in the half minute after an hour's end, which lies between the two
    assert re.match(
        r"8 rows in [45] batches would be 2 accepted, 5 quarantined \(invalid_time 2, ", line
    )
    for reason in ("out_of_range 1", "unknown_sensor 1", "invalid_batch 1"):
        assert reason in line
    assert unreadable == 1
    assert capsys.readouterr().err == "line 9: column timestamp: no readable time: 'yesterday'\n"
    assert list(tmp_path.iterdir()) == [path]


def ids(path, table_format="auto", epochs=None):
    rows, _ = read(path, table_format, epochs)
    source = f"replay:{file_digest(path)}"
    return {made.batch_id for made in batches_of(rows, source=source, producer_id="p").made(0)}


def test_ids_change_with_everything_that_changes_a_batch(tmp_path):
    """File, table format, and what a number means."""
    both = "patient_id,timestamp,sensor,value,hospitalization_id,recorded_dttm,vital_category,vital_value"
    path = text_file(tmp_path, "p,20260301,glicose,70,p,20260301,heart_rate,70", header=both)
    found = [
        ids(path),
        ids(path, "clif"),
        ids(path, epochs=Epochs.of("s", "1970-01-01")),
        ids(path, epochs=Epochs.of("ms", "1970-01-01")),
    ]
    found.append(
        ids(text_file(tmp_path, "p,20260301,glicose,70,p,20260301,heart_rate,71", header=both))
    )
    assert len(set.union(*found)) == len(found)
    other = ids(path, "long", Epochs.of(None, "2000-01-01"))
    assert other == ids(path), "an option that changes no reading changes no id"
