"""Killed at every step and restarted: every reading is there once.

Each seed is one chain: a process dies at one crash point; the next starts from
what it left and dies at another. A crash point where no process dies fails its chain.
"""

import os
import signal
import subprocess
import sys
import time
import uuid

import pytest

from common.broker.topics import create_topic
from common.crash_points import CrashPoint
from common.demo_patients import demo_patient_ids
from common.repeated_starts import note_stop, starts_file
from db.read.evidence import open_evidence
from ops.cli.commands.reconcile import prove
from producer.delivery.archive import RawArchive
from tests.kafka import environment_of
from tests.services.simulated import READINGS_A_BATCH, simulated
from tests.topic import batches_in

# a seed decides on which pass each crash point kills
SEEDS = tuple(int(seed) for seed in os.environ.get("VITALS_TEST_SEEDS", "1").split(","))
FILES = [point for point in CrashPoint if point.startswith("file.")]
PRODUCER = [
    *FILES,
    *(point for point in CrashPoint if point.startswith(("outbox.", "move.", "positions."))),
]
WORKER = [*FILES, *(point for point in CrashPoint if point.startswith("range."))]
DRIVER = [point for point in CrashPoint if point.startswith("offsets.")]
# swept by tests/services/test_resend.py
RESEND = [point for point in CrashPoint if point.startswith("resend.")]
PATIENTS = 12


def test_every_crash_point_is_swept():
    """Those of a repair are in tests/services/test_repair.py."""
    repair = [point for point in CrashPoint if point.startswith(("repair.", "republish."))]
    assert {*PRODUCER, *WORKER, *DRIVER, *RESEND, *repair} == set(CrashPoint)


class ProducerChain:
    """Producers of one seed, with topics and an archive of their own."""

    def __init__(self, broker, seed, folder):
        name = uuid.uuid4().hex[:12]
        self.seed, self.folder = seed, folder
        names = {"kafka_topic": f"batches-{name}", "kafka_shards_topic": f"shards-{name}"}
        names["kafka_producers_group"] = f"producers-{name}"
        self.kafka = broker.settings.model_copy(update=names)
        create_topic(broker.settings, self.kafka.kafka_topic, 4)
        create_topic(broker.settings, self.kafka.kafka_shards_topic, 3)

    def start(self, **environment):
        names = environment_of(self.kafka)
        own = {
            "OUTPUT_DIR": str(self.folder),
            "PATIENTS": str(PATIENTS),
            "GENERATION_INTERVAL_SECONDS": "1",
        }
        with (self.folder / "producer.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "producer", "run"],
                env=os.environ | names | own | environment,
                stderr=log,
            )

    def run(self):
        for index, point in enumerate(PRODUCER):
            times = 1 + (self.seed + index) % 3
            died = self.start(CRASH_POINT=f"{point}:{times}").wait(60)
            assert died == -signal.SIGKILL, f"{point} seed {self.seed}: ended with {died}"
        last = self.start()
        until = time.time() * 1000
        deadline = time.monotonic() + 60
        while not any(batch.window_start > until for batch in batches_in(self.kafka)):
            assert last.poll() is None
            assert time.monotonic() < deadline
            time.sleep(1)
        last.send_signal(signal.SIGTERM)
        assert last.wait(60) == 0
        self.assert_complete()

    def assert_complete(self):
        """Every window of every patient is in the topic under one id, and archived identically."""
        found = {batch.batch_id: batch for batch in batches_in(self.kafka)}
        by_window = {(batch.patient_id, batch.window_start) for batch in found.values()}
        starts = [start for _, start in by_window]
        windows = range(min(starts), max(starts) + 1, 1000)
        assert by_window == {
            (patient_id, at) for patient_id in demo_patient_ids(PATIENTS) for at in windows
        }
        assert len(found) == len(by_window)
        raw = self.folder / "raw"
        archive = RawArchive(raw, "reader")
        archived = [
            batch for path in sorted(raw.glob("date=*/*.jsonl")) for batch in archive.read(path)
        ]
        assert {batch.batch_id for batch in archived} == found.keys()
        for batch in archived:
            assert batch.series == found[batch.batch_id].series
        assert not list(raw.glob("pending/*.jsonl"))
        assert not list(raw.glob("**/*.tmp"))
        assert not list(raw.glob("broken/*"))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_producer_killed_at_every_crash_point_loses_and_doubles_no_window(broker, tmp_path, seed):
    """Most of each chain is spent waiting for the dead replica's shards."""
    ProducerChain(broker, seed, tmp_path).run()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_consumer_killed_at_every_crash_point_loses_and_doubles_no_reading(make_pipeline, seed):
    """Workers die inside a transaction, the driver around the commit of the offsets."""
    run_consumers(make_pipeline(patients=PATIENTS), seed)


def run_consumers(pipeline, seed):
    messages = 0
    # the newest window last, all of them in the past
    first = int(time.time()) // 10 * 10_000 - (len(WORKER) + len(DRIVER) + 2) * 10_000
    for index, point in enumerate([*WORKER, *DRIVER]):
        batches = simulated(windows=1, patients=PATIENTS, start=first + (index + 1) * 10_000)
        pipeline.publish(*batches)
        messages += len(batches)
        times = 1 + (seed + index) % 2
        # a few messages per micro-batch: every worker passes every crash point more than once
        # these deaths are ours, not a message's: nothing is to be isolated
        note_stop(starts_file(pipeline.output / "trusted", pipeline.kafka.kafka_topic))
        own = {"CRASH_POINT": f"{point}:{times}", "MAX_MESSAGES_PER_BATCH": "8"}
        with pipeline.warm_consumer(**own) as consumer:
            ended = consumer.wait(240)
        expected = -signal.SIGKILL if point in DRIVER else 1
        assert ended == expected, f"{point} seed {seed}: ended with {ended}\n{pipeline.log()}"
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(messages)
    proof = prove(pipeline.kafka, pipeline.database, pipeline.output)
    assert proof.is_proved, proof.findings
    assert proof.produced == messages * READINGS_A_BATCH
    assert proof.quarantined > 0
    with open_evidence(pipeline.database) as evidence:
        named = {name for range_ in evidence.ranges() for name in range_.files}
    trusted = pipeline.output / "trusted"
    files = {path.relative_to(trusted).as_posix() for path in trusted.glob("date=*/*")}
    assert files == named
    assert not list(trusted.glob(".attempts/*"))
