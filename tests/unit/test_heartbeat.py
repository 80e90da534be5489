"""The sign of life of a loop."""

import os

from common.heartbeat import Heartbeat, HeartbeatSettings


def test_a_beat_makes_the_file_and_the_next_second_touches_it_again(tmp_path, monkeypatch):
    path = tmp_path / "heartbeat"
    now = [100.0]
    monkeypatch.setattr("common.heartbeat.time.monotonic", lambda: now[0])
    heartbeat = Heartbeat(HeartbeatSettings(heartbeat_file=path))
    assert not path.exists()
    heartbeat.beat()
    os.utime(path, (0, 0))
    heartbeat.beat()
    assert path.stat().st_mtime == 0
    now[0] += 1
    heartbeat.beat()
    assert path.stat().st_mtime > 0


def test_without_a_file_nothing_is_touched():
    Heartbeat(HeartbeatSettings()).beat()
