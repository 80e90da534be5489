"""More than one process: a Spark cluster, and a Kafka of several brokers."""

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from common.broker.topics import cluster as cluster_of
from ops.stack.descendants import descendants
from tests.oracle import Oracle
from tests.services.checks import assert_proved
from tests.services.cluster import SparkCluster, require_namespaces, three_brokers
from tests.services.pipeline import new_pipeline
from tests.services.simulated import WINDOW_MS, now_ms, simulated
from tests.waiting import wait_until

PATIENTS = 10


@pytest.fixture(scope="module")
def kafka(jars, tmp_path_factory):
    require_namespaces()
    with three_brokers(tmp_path_factory.mktemp("brokers"), jars) as found:
        yield found


@pytest.fixture
def distributed(kafka, database_server, jars, class_archive, tmp_path):
    """A pipeline on three brokers and a cluster without workers yet."""
    settings, _ = kafka
    admin = database_server.admin_settings()
    pipeline = new_pipeline(settings, admin, jars, class_archive, tmp_path, patients=PATIENTS)
    (pipeline.output / "trusted").mkdir(parents=True)
    cluster = SparkCluster(tmp_path / "spark", admin.db_password.get_secret_value())
    cluster.start_master()
    yield pipeline, cluster
    cluster.close()
    pipeline.drop_database()


def executor_of(worker):
    """The process of Spark's executor below a worker."""
    for process in descendants(worker.pid):
        with suppress(OSError):
            command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            if b"CoarseGrainedExecutorBackend" in command:
                return process.pid
    return None


class Load(threading.Thread):
    """Publishes the simulated windows of all patients, one window every half second."""

    def __init__(self, pipeline, first):
        super().__init__(daemon=True)
        self.pipeline, self.until, self.is_over = pipeline, first, threading.Event()

    def run(self):
        while not self.is_over.wait(0.5):
            until = self.until + WINDOW_MS
            self.pipeline.publish(*simulated(1, patients=PATIENTS, fault_share=0.0, start=until))
            self.until = until


def test_a_worker_without_the_shared_folder_refuses_before_it_writes(distributed):
    """Its own disk would take the files, and the ledger would name what nobody else can read."""
    pipeline, cluster = distributed
    cluster.start_worker("alone", pipeline.output, shares=False)
    pipeline.publish(*simulated(1))
    with pipeline.consumer(**cluster.environment) as consumer:
        assert consumer.wait(300) == 1
    assert "is not the folder that the driver writes to" in (
        pipeline.output / "consumer.log"
    ).read_text(encoding="utf-8")
    assert pipeline.rows("SELECT COUNT(*) FROM livro_razao") == [(0,)]
    assert not list(pipeline.output.glob("trusted/date=*"))


def test_an_executor_a_worker_and_a_broker_die_under_load_and_nothing_is_lost(
    distributed, kafka, record_property
):
    """Two workers without our code, which share only the trusted files: proved against the simulator."""
    pipeline, cluster = distributed
    _, brokers = kafka
    topics = {name: found.partitions for name, found in cluster_of(pipeline.kafka).topics.items()}
    workers = [cluster.start_worker(name, pipeline.output) for name in ("left", "right")]
    first = now_ms() - 3_600_000 // WINDOW_MS * WINDOW_MS
    load = Load(pipeline, first)

    def moment():
        return pipeline.rows("SELECT UTC_TIMESTAMP(6)")[0][0]

    def wait_for_all_partitions(since):
        count = "SELECT COUNT(DISTINCT particao) FROM livro_razao WHERE confirmado_em > %s"
        wait_until(lambda: pipeline.rows(count, since) == [(4,)], pipeline.log, seconds=120)

    with pipeline.consumer(**cluster.environment) as consumer:
        load.start()
        wait_for_all_partitions(moment())
        wait_until(lambda: all(map(executor_of, workers)), pipeline.log)
        kills = {
            "executor": lambda: os.kill(executor_of(workers[0]), signal.SIGKILL),
            "worker": workers[1].kill,
            "broker": brokers[0].kill,
        }
        killed = {}
        for name, kill in kills.items():
            killed[name] = moment()
            kill()
            wait_for_all_partitions(killed[name])
        load.is_over.set()
        load.join()
        assert consumer.poll() is None, pipeline.log()
        pipeline.wait_for_messages((load.until - first) // WINDOW_MS * PATIENTS)
    [replicas] = {len(found.replicas) for found in topics[pipeline.kafka.kafka_topic].values()}
    assert replicas == 3
    assert cluster.is_python_used.exists()
    proof = assert_proved(pipeline)
    assert proof.registro == proof.trusted == proof.produced
    oracle = Oracle(patients=PATIENTS)
    windows = oracle.assert_every_window_is_there_once(pipeline.database, until_ms=load.until)
    assert windows == (load.until - first) // WINDOW_MS
    # a figure, not a limit: it depends on the machine
    ranges = pipeline.rows("SELECT particao, confirmado_em FROM livro_razao ORDER BY 2")
    for name, since in killed.items():
        pause = max(
            next(at for place, at in ranges if place == partition and at > since)
            - max(at for place, at in ranges if place == partition and at <= since)
            for partition in range(4)
        )
        record_property(f"longest_pause_{name}_s", pause.total_seconds())
        print(
            f"{name} killed: longest pause of a partition's commits {pause.total_seconds():.1f} s"
        )
