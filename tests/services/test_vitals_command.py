"""`vitals` as a person uses it: one pipeline from start to end, over the command line."""

import json
import os
import subprocess
import sys
import time

import pytest

from tests.json_times import assert_times


@pytest.fixture
def vitals(jars, tmp_path):
    """Runs a command in its own home; stops what it left running."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KAFKA_", "DB_", "VITALS_"))
    } | {
        "VITALS_HOME": str(tmp_path / "home"),
        "VITALS_CACHE": str(jars.parent),
        "OUTPUT_DIR": str(tmp_path / "output"),
        "GENERATION_INTERVAL_SECONDS": "2",
    }
    command = [sys.executable, "-m", "ops"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    run.start = lambda *arguments: subprocess.Popen(
        [*command, *arguments], env=environment, stderr=subprocess.PIPE, text=True
    )
    yield run
    run("down")


def test_pipeline_starts_is_inspected_and_stops(vitals):
    """up, status, tail, kafka, env, a refused second up, down: then nothing is running."""
    assert vitals("status").returncode == 3
    up = vitals.start("up", "--producers", "1", "--patients", "5")
    status = {}
    deadline = time.monotonic() + 90
    while not status.get("accepted"):
        assert up.poll() is None, up.stderr.read()
        assert time.monotonic() < deadline, status
        time.sleep(1)
        answer = vitals("status", "--json")
        status = json.loads(answer.stdout or "{}")
    assert answer.returncode == 0
    assert (status["healthy"], status["freshness_seconds"] is None) == (True, False)
    assert vitals("status").stdout.splitlines()[-1].startswith("healthy: ")
    assert vitals("lag", "--max", "100000").returncode == 0
    parts = {"database", "kafka", "consumer", "producer-1", "monitor"}
    assert set(status["processes"]) == parts

    line = json.loads(vitals("tail", "--max", "1").stdout)
    assert "$.batch.window_start" in assert_times(line)
    assert line["batch"]["patient_id"].startswith("demo-")
    topics = vitals("kafka", "topics", "--list").stdout.split()
    assert {"sensor-batches", "producer-shards"} <= set(topics)
    exports = vitals("env").stdout.splitlines()
    names = {export.removeprefix("export ").split("=")[0] for export in exports}
    assert {"KAFKA_BOOTSTRAP_SERVERS", "DB_HOST", "DB_PORT", "DB_PASSWORD"} <= names

    second = vitals("up")
    assert second.returncode == 2
    assert "already running" in second.stderr

    assert vitals("down").returncode == 0
    assert up.wait(30) == 0
    stopped = [line for line in up.stderr.read().splitlines() if line.startswith("stopping ")]
    order = [line.split()[1] for line in stopped[1:]]
    assert order == ["monitor", "producer-1", "consumer", "kafka", "database"]
    assert vitals("status").returncode == 3
    assert vitals("lag").returncode == 3
    assert "start it with `vitals up`" in vitals("env").stderr


def test_env_before_the_first_start_says_what_to_do(vitals):
    answer = vitals("env")
    assert answer.returncode == 3
    assert "vitals up" in answer.stderr


def test_unknown_kafka_tool_names_the_known_ones(vitals):
    answer = vitals("kafka", "topic")
    assert answer.returncode == 2
    assert "topics" in answer.stderr
