"""A pipeline of a test's own: topic, database, output folder, and the consumer as a process."""

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import Producer

from common.broker.clients import client_options
from common.settings import DatabaseSettings, KafkaSettings, TopicSettings
from db.connection import KeptConnection, connect
from db.schema.migrate import migrate
from db.schema.seed import seed
from ops.credentials.batch_keys import PRODUCER, ensure_batch_key, key_file
from ops.stack import create_topics
from schemas.wire.codec import default_codec
from schemas.wire.signature import Signer
from tests.archives import claimed_archive
from tests.kafka import environment_of
from tests.programs import database_names
from tests.services.killing import kill_group
from tests.services.warm_jvm import WARM_JVM
from tests.topic import messages_in

REPOSITORY = Path(__file__).parents[2]


@dataclass
class Pipeline:
    """Where everything is; nothing is running yet."""

    kafka: KafkaSettings
    database: DatabaseSettings
    jars: Path
    class_archive: Path
    output: Path
    # waiting polls ten times a second: connecting each time would use half a core
    _reader: KeptConnection = field(init=False, repr=False)
    _jvm_log_before: int = field(init=False, repr=False)

    def __post_init__(self):
        self._reader = KeptConnection(self.database)
        self._jvm_log_before = WARM_JVM.log_size

    @property
    def environment(self):
        names = {
            "spark_jars_dir": self.jars / "spark",
            "spark_class_archive": self.class_archive,
            "output_dir": self.output,
            "trigger_interval_seconds": 0.5,
            "batch_keys_dir": self.kafka.batch_key_path.parent,
        }
        own = {name.upper(): str(value) for name, value in names.items()}
        return os.environ | environment_of(self.kafka) | database_names(self.database) | own

    def publish(self, *batches, archived=True):
        """Archives and publishes batches as a producer does; returns once they are acknowledged."""
        if archived and batches:
            with claimed_archive(self.output / "raw", "test") as archive:
                archive.finish(archive.write(batches[0].window_start, batches))
        codec = default_codec()
        self.publish_raw(
            *((batch.patient_id, codec.encode(batch), codec.headers(batch)) for batch in batches),
            signed=True,
        )

    def publish_raw(self, *messages, signed=False):
        """Publishes (key, body, headers) as they are; returns the messages with their places."""
        errors, delivered = [], []
        signer = Signer(self.kafka.batch_key_path if signed else None)

        def report(error, message):
            (errors if error else delivered).append(error or message)

        client = Producer(
            {
                **client_options(self.kafka),
                "partitioner": "murmur2_random",
                "message.max.bytes": 2_000_000,
                "queue.buffering.max.messages": 1_000_000,
            }
        )
        for key, body, headers in messages:
            sent_key = key.encode() if isinstance(key, str) else key
            client.produce(
                self.kafka.kafka_topic,
                body,
                key,
                headers=signer.signed(sent_key, body, headers or []) if signed else headers,
                on_delivery=report,
            )
            client.poll(0)
        assert client.flush(60) == 0
        assert not errors
        return delivered

    def messages(self):
        """Everything in the topic."""
        return messages_in(self.kafka)

    def rows(self, sql, *values):
        connection = self._reader.get()
        cursor = connection.cursor()
        try:
            cursor.execute(sql, values)
            return cursor.fetchall()
        finally:
            # so that the next query sees others' commits, and no lock is kept
            connection.rollback()

    def wait_for(self, sql, expected, *, seconds=120):
        """Waits until a query of one value gives ``expected``."""
        deadline = time.monotonic() + seconds
        while (found := self.rows(sql)[0][0]) != expected:
            if time.monotonic() > deadline:
                raise AssertionError(f"{sql} gives {found}, not {expected}\n{self.log()}")
            time.sleep(0.1)

    def wait_for_messages(self, count, *, seconds=240):
        self.wait_for(
            "SELECT CAST(COALESCE(SUM(mensagens), 0) AS SIGNED) FROM livro_razao",
            count,
            seconds=seconds,
        )

    def log(self):
        """The end of `whole_log`, for people."""
        return self.whole_log()[-10_000:]

    def whole_log(self):
        """What the warm JVM and its workers said since the pipeline exists, and then its consumers."""
        path = self.output / "consumer.log"
        own = path.read_text() if path.exists() else "(no log)"
        # a line that is being written has no end yet
        return f"{WARM_JVM.log(self._jvm_log_before)}\n{own}"

    def drop_database(self):
        self._reader.close()
        with connect(self.database) as connection:
            connection.cursor().execute(f"DROP DATABASE {self.database.db_name}")

    @contextmanager
    def consumer(self, **environment):
        """Runs the consumer; on leaving, SIGTERM must end it with 0 (unless it is dead already)."""
        self.output.mkdir(parents=True, exist_ok=True)
        with (self.output / "consumer.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", "-m", "consumer"],
                env=self.environment | environment,
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield process
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert self._ended(process) == 0, self.log()
        finally:
            kill_group(process)

    @staticmethod
    def _ended(process):
        """Its exit code. One that hangs logs the stack of each of its threads first."""
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            return process.wait(60)

    @contextmanager
    def warm_consumer(self, **environment):
        """``consumer`` in a JVM that is already running; its workers get the environment, too.

        A test that kills its JVM or measures it needs ``consumer``.
        """
        names = WARM_JVM.names(self.environment, environment)
        with ExitStack() as unless_in_order:
            unless_in_order.callback(WARM_JVM.retire)
            with self.consumer(**names, **environment) as process:
                yield process
            if process.returncode >= 0:
                unless_in_order.pop_all()


def new_pipeline(broker, admin, jars, class_archive, folder, *, patients=10, partitions=4):
    """A pipeline with a migrated database and the demo patients; ``broker``: an administrator's settings."""
    name = uuid.uuid4().hex[:12]
    topic = f"test-{name}"
    database = admin.model_copy(update={"db_name": f"test_{name}"})
    with connect(database, database=False) as connection:
        migrate(connection, database.db_name)
        seed(connection, patients, 7)
    ensure_batch_key(folder / f"{name}-secrets", PRODUCER)
    names = {
        "batch_key_path": folder / f"{name}-secrets" / key_file(PRODUCER),
        "kafka_topic": topic,
        "kafka_dlq_topic": f"{topic}-dlq",
        "kafka_shards_topic": f"{topic}-shards",
        "kafka_group": f"{topic}-consumer",
        "kafka_producers_group": f"{topic}-producers",
    }
    kafka = broker.model_copy(update=names)
    create_topics(kafka, TopicSettings(topic_partitions=partitions))
    return Pipeline(kafka, database, jars, class_archive, folder / name)
