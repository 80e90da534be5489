"""Metrics, liveness and readiness of a real producer and a real consumer."""

import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

from prometheus_client.parser import text_string_to_metric_families

from common.broker.principals import Principal
from common.broker.topics import create_topic
from common.settings import load
from ops.stack.environments import Plan
from ops.stack.invocation import Invocation, StackSettings
from ops.stack.pipeline import Pipeline as EmbeddedPipeline
from ops.storm.proxy import TcpProxy
from schemas.wire.codec import default_codec
from tests import loopback
from tests.loopback import free_port
from tests.services.checks import heart_rate
from tests.services.faults import killed, locked, wait_for_lock_waits
from tests.services.pipeline import REPOSITORY
from tests.services.simulated import now_ms, simulated
from tests.waiting import wait_until

WINDOW_S = 2
UNREADABLE = b"no batch"
PATIENTS = 10
COUNTS = ("mensagens", "mensagens_repetidas", "mensagens_recusadas", "leituras", "aceitas")
LEDGER = f"SELECT {', '.join(COUNTS)}, sem_mapeamento, motivos FROM livro_razao"


class Part:
    """One process, as seen over HTTP."""

    def __init__(self):
        self.port = free_port()
        self.environment = {"METRICS_PORT": str(self.port)}

    def get(self, path):
        """Status and text; None if nothing listens."""
        try:
            status, body = loopback.get(self.port, path, seconds=10)
        except OSError:
            return None, ""
        return status, body.decode()

    def is_ready(self):
        return self.get("/ready")[0] == 200

    def is_not_ready(self, check):
        status, text = self.get("/ready")
        return status == 503 and any(line.startswith(f"{check}: ") for line in text.splitlines())

    def scrape(self):
        status, text = self.get("/metrics")
        assert status == 200
        return {
            (sample.name.removeprefix("vitals_"), *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@contextmanager
def producing(pipeline, part, **environment):
    """A producer with two-second windows; killed if it does not exit on its own."""
    pipeline.output.mkdir(parents=True, exist_ok=True)
    settings = {
        "KAFKA_PRODUCERS_GROUP": f"{pipeline.kafka.kafka_topic}-producers",
        "PRODUCER_ID": "scraped",
        "PATIENTS": str(PATIENTS),
        "GENERATION_INTERVAL_SECONDS": str(WINDOW_S),
        "FAULT_SHARE": "0.1",
    }
    with (pipeline.output / "producer.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "producer", "run"],
            env=pipeline.environment | settings | part.environment | environment,
            cwd=REPOSITORY,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def sum_of(samples, name):
    return sum(value for key, value in samples.items() if key[0] == name)


def halted(pipeline, process, part, others):
    """What a producer counts, stopped between two windows; None inside of one.

    ``others``: messages in the topic that are not its own.
    """
    made = part.scrape()
    process.send_signal(signal.SIGSTOP)
    published = made["producer_batches_total", "published"]
    is_between = published >= 3 * PATIENTS
    is_between &= published == made["producer_batches_total", "simulated"]
    is_between &= len(pipeline.messages()) == published + others
    if not is_between:
        process.send_signal(signal.SIGCONT)
    return made if is_between else None


def test_counters_agree_with_what_was_produced_and_with_the_ledger(pipeline):
    """The messages include a repeated batch, an unreadable one and an unknown patient."""
    earlier = simulated(windows=1)
    unknown = heart_rate([70.0, 71.0], start=now_ms(), patient_id="nobody")
    pipeline.publish(*earlier, *earlier[:3], unknown)
    pipeline.publish_raw((b"k", UNREADABLE, []))
    producer, consumer = Part(), Part()

    with pipeline.warm_consumer(**consumer.environment), producing(pipeline, producer) as process:
        wait_until(lambda: producer.is_ready() and consumer.is_ready(), pipeline.log)
        others = len(earlier) + 5
        made = wait_until(lambda: halted(pipeline, process, producer, others), pipeline.log)
        messages = made["producer_batches_total", "published"] + others
        pipeline.wait_for_messages(messages)
        wait_until(
            lambda: sum_of(consumer.scrape(), "consumer_messages_total") == messages, pipeline.log
        )
        wait_until(lambda: sum_of(consumer.scrape(), "consumer_lag_messages") == 0, pipeline.log)
        seen, ledger = consumer.scrape(), pipeline.rows(LEDGER)
        process.send_signal(signal.SIGCONT)

    count = int(made["producer_batches_total", "published"])
    bodies = [message.value() for message in pipeline.messages() if message.value() != UNREADABLE]
    batches = [
        batch for batch in map(default_codec().decode, bodies) if batch.producer_id == "scraped"
    ]
    batches = sorted(batches, key=lambda batch: batch.window_start)[:count]
    for stage in ("simulated", "archived", "published"):
        assert made["producer_batches_total", stage] == count
        assert made["producer_readings_total", stage] == sum(e.reading_count for e in batches)
    windows = len({batch.window_start for batch in batches})
    assert made["producer_window_seconds_count", "publish"] == windows
    assert made["producer_last_window_timestamp_seconds",] == batches[-1].window_start / 1000
    assert made["producer_patients",] == PATIENTS
    assert made["producer_shards",] == 12
    assert made["producer_outbox_files",] == 0
    assert [value for name, value in made.items() if name[:2] == ("producer_info", "scraped")] == [
        1
    ]

    messages, repeated, refused, readings, accepted, unmapped = (
        sum(row[place] for row in ledger) for place in range(6)
    )
    reasons = sum((Counter(json.loads(row[6])) for row in ledger), Counter())
    assert (repeated, refused, unmapped) == (3, 1, 2)
    outcomes = [
        seen["consumer_messages_total", outcome] for outcome in ("taken", "repeated", "refused")
    ]
    assert outcomes == [messages - repeated - refused, repeated, refused]
    assert seen["consumer_readings_total", "accepted"] == accepted - unmapped
    assert seen["consumer_readings_total", "unmapped"] == unmapped
    assert seen["consumer_readings_total", "quarantined"] == readings - accepted > 0
    quarantined = {
        key[1]: count for key, count in seen.items() if key[0].endswith("quarantined_total")
    }
    assert {name: count for name, count in quarantined.items() if count} == reasons
    assert {key[1] for key in seen if key[0] == "consumer_lag_messages"} == {"0", "1", "2", "3"}
    assert seen["consumer_batch_seconds_count", "total"] > 0
    assert seen["consumer_last_commit_timestamp_seconds",] > seen["process_start_time_seconds",]
    newest_s = batches[-1].window_start / 1000 + WINDOW_S - 1
    assert seen["consumer_freshness_timestamp_seconds",] == newest_s


def test_a_consumer_whose_database_is_away_is_alive_but_not_ready_until_it_is_back(pipeline):
    """And its retries in the meantime are counted by error number."""
    part, proxy = Part(), TcpProxy(lambda: pipeline.database.db_port)
    proxy.start()
    with pipeline.warm_consumer(DB_PORT=str(proxy.port), **part.environment):
        wait_until(lambda: part.get("/live")[0] == 200, pipeline.log)
        assert part.is_not_ready("query")
        wait_until(part.is_ready, pipeline.log)
        with locked(pipeline, "SELECT id FROM paciente_sensor FOR UPDATE"):
            pipeline.publish(*simulated(windows=1))
            wait_for_lock_waits(pipeline, 1)
            proxy.is_refusing = True
            proxy.cut()
        wait_until(lambda: part.is_not_ready("database"), pipeline.log)
        assert part.get("/live") == (200, "alive\n")
        proxy.is_refusing = False
        wait_until(part.is_ready, pipeline.log)
        pipeline.wait_for_messages(10)
        retries = wait_until(lambda: sum_of(part.scrape(), "consumer_retries_total"), pipeline.log)
        classes = {key[1] for key in part.scrape() if key[0] == "consumer_retries_total"}
    proxy.close()
    assert retries >= 1
    assert all(name.startswith("transient_") for name in classes)


def test_without_a_broker_no_part_is_ready_and_all_are_once_it_is_back(broker, pipeline):
    producer, consumer = Part(), Part()
    with pipeline.warm_consumer(**consumer.environment), producing(pipeline, producer):
        wait_until(lambda: producer.is_ready() and consumer.is_ready(), pipeline.log)
        with killed(broker):
            wait_until(lambda: producer.is_not_ready("broker"))
            wait_until(lambda: consumer.is_not_ready("broker"))
            wait_until(lambda: producer.scrape()["producer_outbox_files",] >= 2)
            assert producer.get("/live")[0] == consumer.get("/live")[0] == 200
            assert sum_of(producer.scrape(), "producer_kafka_errors_total") > 0
            assert math.isnan(sum_of(consumer.scrape(), "consumer_lag_messages"))
        wait_until(lambda: producer.is_ready() and consumer.is_ready(), pipeline.log)
        wait_until(lambda: producer.scrape()["producer_outbox_files",] == 0)
        wait_until(lambda: sum_of(consumer.scrape(), "consumer_lag_messages") == 0)


def test_a_producer_whose_loop_hangs_is_not_alive_until_it_continues(pipeline):
    """A file that never reaches its end, as on a hung file system, blocks the loop."""
    pending = pipeline.output / "raw" / "pending"
    pending.mkdir(parents=True)
    hanging = pending / "20260101T000000.000Z_scraped.jsonl"
    os.mkfifo(hanging)
    part = Part()
    with producing(pipeline, part):
        wait_until(lambda: part.get("/live")[0] == 200)
        wait_until(lambda: part.get("/live")[0] == 503, seconds=90)
        assert part.get("/live")[1].startswith("loop: stuck for ")
        # the reader waits for a writer: one that writes nothing releases it
        os.close(os.open(hanging, os.O_WRONLY | os.O_NONBLOCK))
        wait_until(lambda: part.get("/live") == (200, "alive\n"))
        wait_until(part.is_ready)
    assert list((pipeline.output / "raw" / "broken").iterdir())


def test_a_producer_that_waits_for_its_broker_is_alive_and_says_what_it_waits_for(pipeline):
    part = Part()
    with producing(pipeline, part, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1"):
        wait_until(lambda: part.get("/live")[0] == 200)
        assert part.is_not_ready("broker")
        assert part.is_not_ready("group")


def test_a_standby_producer_is_ready_again_after_an_outage_of_the_broker(broker, pipeline):
    """It has nothing to deliver, so no delivery report shows that the broker is back."""
    one_shard = f"{pipeline.kafka.kafka_topic}-one"
    create_topic(broker.settings, one_shard, 1)
    parts = [Part(), Part()]
    with (
        producing(pipeline, parts[0], KAFKA_SHARDS_TOPIC=one_shard, PRODUCER_ID="one"),
        producing(pipeline, parts[1], KAFKA_SHARDS_TOPIC=one_shard, PRODUCER_ID="two"),
    ):
        wait_until(lambda: all(part.is_ready() for part in parts))
        wait_until(lambda: shards_of(parts) == [0, 1])
        with killed(broker):
            wait_until(lambda: not all(part.is_ready() for part in parts))
        wait_until(lambda: all(part.is_ready() for part in parts))
        wait_until(lambda: shards_of(parts) == [0, 1])


def shards_of(parts):
    return sorted(part.scrape()["producer_shards",] for part in parts)


def test_a_port_in_use_stops_a_producer_and_it_names_the_setting(pipeline):
    part = Part()
    with producing(pipeline, part):
        wait_until(lambda: part.get("/live")[0] == 200)
        with producing(pipeline, part, PRODUCER_ID="other") as second:
            assert second.wait(60) == 2
    assert "set METRICS_PORT to a free port" in (pipeline.output / "producer.log").read_text()


def test_the_embedded_pipeline_gives_each_part_its_home_and_a_port_that_it_keeps(source, tmp_path):
    """Variables set in the shell are for parts that are started by hand."""
    settings = load(StackSettings, vitals_home=tmp_path / "home", output_dir=tmp_path / "output")
    made = EmbeddedPipeline(Invocation(settings, {"METRICS_PORT": "1"}), Plan(), print)
    names = ("consumer", "producer-1", "producer-2")
    say = "import os; print(*map(os.environ.get, ('METRICS_HOST', 'METRICS_PORT', 'VITALS_HOME')))"
    try:
        assert made.environments.targets() == {}
        children = {name: made.child(name, Principal.CONSUMER, "-c", say) for name in names}
        for child in children.values():
            made.supervisor.add(child, stop_seconds=5)
        targets = made.environments.targets()
        assert targets.keys() == children.keys()
        assert len(set(targets.values())) == len(names)
        wait_until(lambda: children["producer-1"].exit_code == 0)
        children["producer-1"].start()
        for name, child in children.items():
            starts = 2 if name == "producer-1" else 1
            wait_until(lambda child=child: child.exit_code == 0)
            line = f"{targets[name].replace(':', ' ')} {settings.home}\n"
            assert child.log.read_text() == line * starts
    finally:
        made.stop()
