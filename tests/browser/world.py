"""The world of a browser test: a real broker, database, consumer and monitor."""

import json
import sys
import time
from contextlib import ExitStack, contextmanager

from confluent_kafka import Consumer, TopicPartition

from common.broker.clients import client_options
from ops.stack import ChildProcess
from ops.stack.ports import LOOPBACK
from tests import loopback
from tests.browser.bedside import Bedside
from tests.browser.chromium import CACHE
from tests.loopback import free_port
from tests.signing_in import new_person, signed_in
from tests.waiting import wait_until


class World:
    """One pipeline with its monitor; tests that want producers start them."""

    def __init__(self, pipeline, *, patients, window_ms=2000, interval_ms=1000):
        self.pipeline, self.patients = pipeline, patients
        self.window_ms, self.interval_ms = window_ms, interval_ms
        self.ports = {
            name: free_port() for name in ("monitor", "consumer", "producer-1", "producer-2")
        }
        self.url = f"http://{LOOPBACK}:{self.ports['monitor']}"
        self.environment = pipeline.environment | {
            "VITALS_CACHE": str(CACHE),
            "VITALS_HOME": str(pipeline.output / "home"),
            "GENERATION_INTERVAL_SECONDS": str(window_ms / 1000),
            "SENSOR_INTERVAL_SECONDS": str(interval_ms / 1000),
            "PATIENTS": str(patients),
            "MONITOR_PORT": str(self.ports["monitor"]),
            "METRICS_TARGETS": ",".join(
                f"{name}={LOOPBACK}:{port}"
                for name, port in self.ports.items()
                if name != "monitor"
            ),
        }
        self.people = pipeline.output / "people.json"
        self.environment["VITALS_PEOPLE"] = str(self.people)
        self.secret = new_person(self.people)
        self._session = {}
        self.consumer = None
        self.monitor = self.child("monitor", "ops", "monitor")
        self.bedside = Bedside(
            pipeline.kafka, patients=patients, window_ms=window_ms, interval_ms=interval_ms
        )

    def child(self, name, *module, **environment):
        """A Python process of this world, not yet started."""
        metrics = {"METRICS_PORT": str(self.ports[name])} if name != "monitor" else {}
        return ChildProcess(
            name,
            [sys.executable, "-m", *module],
            self.pipeline.output / f"{name}.log",
            environment=self.environment | metrics | environment,
        )

    def producer(self, number):
        """A producer of the demo patients, not yet started."""
        name = f"producer-{number}"
        return self.child(name, "producer", "run", PRODUCER_ID=name)

    @contextmanager
    def running(self, *, bedside=True):
        """Consumer and monitor run, and the bedside publishes, until the block ends."""
        with ExitStack() as stack:
            port = str(self.ports["consumer"])
            self.consumer = stack.enter_context(self.pipeline.warm_consumer(METRICS_PORT=port))
            stack.callback(self.monitor.stop, 10)
            self.monitor.start()
            self.wait_ready()
            if bedside:
                self.bedside.start()
                stack.callback(self.bedside.end)
                self.wait_until_fresh()
            yield self

    def wait_ready(self, seconds=120):
        """Returns when the monitor has read everything once."""
        deadline = time.monotonic() + seconds
        while self.status("/ready") != 200:
            self.monitor.require_alive()
            assert time.monotonic() < deadline, self.monitor.log.read_text()[-3000:]
            time.sleep(0.1)

    def wait_until_fresh(self, seconds=240):
        """Returns when every patient's newest readings are shown: Spark is warm then."""
        wait_until(self._is_fresh, lambda: "fresh tiles", seconds=seconds)

    def _is_fresh(self):
        states = {tile[1] for tile in self.json("/api/ward")["tiles"]}
        return states == {0}

    def status(self, path, headers=None):
        """The status of the monitor's answer; None if it does not answer."""
        try:
            return loopback.get(self.ports["monitor"], path, headers)[0]
        except OSError:
            return None

    def json(self, path):
        """The body of the monitor's answer."""
        status, body = loopback.get(self.ports["monitor"], path, self._session)
        if status == 401:
            self._session = signed_in(self.ports["monitor"], self.secret)
            return self.json(path)
        return json.loads(body)

    def cookie(self, secret=None):
        """A new session, as a browser keeps it."""
        name, _, key = signed_in(self.ports["monitor"], secret or self.secret)["Cookie"].partition(
            "="
        )
        return {"name": name, "value": key, "url": self.url, "httpOnly": True, "sameSite": "Strict"}

    @staticmethod
    def now_ms():
        return time.time_ns() // 1_000_000

    def wait_for_windows(self, count, seconds=120):
        """Returns when the bedside has published ``count`` more windows."""
        wanted = len(self.bedside.published) + count
        wait_until(
            lambda: len(self.bedside.published) >= wanted, lambda: "windows", seconds=seconds
        )

    def wait_for_no_lag(self, seconds=120):
        """Returns when everything in the topic is committed."""
        wait_until(self._is_committed, lambda: "the consumer", seconds=seconds)

    def _is_committed(self):
        committed = dict(self.rows("SELECT particao, proximo_deslocamento FROM progresso"))
        return dict(ends_of(self.pipeline.kafka)) == committed

    def rows(self, sql, *values):
        return self.pipeline.rows(sql, *values)


def ends_of(kafka):
    """The end of each partition that is not empty."""
    client = Consumer({**client_options(kafka), "group.id": "browser-tests"})
    try:
        for partition in (
            client.list_topics(kafka.kafka_topic, timeout=20).topics[kafka.kafka_topic].partitions
        ):
            place = TopicPartition(kafka.kafka_topic, partition)
            end = client.get_watermark_offsets(place, timeout=20)[1]
            if end:
                yield partition, end
    finally:
        client.close()
