"""The embedded broker and database of a benchmark, in a folder that is deleted at the end."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.core_speed import CoreSpeed
from benchmarks.settings import SEED
from common.broker.principals import Principal
from common.settings import DatabaseSettings, KafkaSettings
from db.connection import connect, quoted
from db.schema.migrate import migrate
from db.schema.seed import seed
from ops.credentials.batch_keys import PRODUCER, key_file
from ops.stack import find_java, jar_source
from ops.stack.broker import KafkaBroker
from ops.stack.class_archive import SETTING, ensure_spark_archive, spark_archive_path
from ops.stack.embedded import EmbeddedStack
from ops.stack.exports import SECRETS_FOLDER, embedded_addresses
from ops.stack.invocation import Invocation

Say = Callable[[str], None]


@dataclass(frozen=True)
class BenchmarkStack:
    """A running broker and a migrated database with the demo patients."""

    folder: Path
    cache: Path
    broker: KafkaBroker
    database: DatabaseSettings
    admin: DatabaseSettings
    """The administrator of the same server, who may change its settings."""
    database_pid: int
    server_label: str
    partitions: int
    java: Path
    spark_jars: Path
    environment: Mapping[str, str]
    """For the processes that use it."""
    core_speed: CoreSpeed = field(default_factory=CoreSpeed)

    @property
    def kafka(self) -> KafkaSettings:
        """How to reach the broker, with the product's topic names, and to sign batches."""
        key = self.folder / SECRETS_FOLDER / key_file(PRODUCER)
        return self.broker.settings.model_copy(update={"batch_key_path": key})

    @property
    def server_pids(self) -> dict[str, int]:
        """The servers' processes by role, as `benchmarks.processes.usage_of` takes them."""
        return {"database": self.database_pid, "broker": self.broker.pid or 0}

    @property
    def output(self) -> Path:
        """Raw archive and trusted files."""
        return self.folder / "output"


@contextmanager
def benchmark_stack(invocation: Invocation, patients: int, say: Say) -> Iterator[BenchmarkStack]:
    """Starts everything on the disk of VITALS_HOME; always stops it and deletes the folder.

    Raises:
        VitalsError: a part cannot start.
    """
    settings = invocation.settings
    java = find_java(settings.java_home)
    source = jar_source(settings.cache, java, settings.vitals_ivy_settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=settings.home) as name:
        folder = Path(name)
        stack = EmbeddedStack(folder, source, is_kafka_plain_too=True)
        stack.prepare(say)
        archive = spark_archive_path(settings.cache, java)
        ensure_spark_archive(
            archive, jars=stack.spark_jars, environment=invocation.environment, say=say
        )
        database = stack.database
        try:
            database.start()
            stack.broker.start()
            database.wait_ready()
            fresh_database(database.settings(), patients)
            stack.wait_for_broker(settings)
            environment = {
                **invocation.environment,
                **embedded_addresses(folder, Principal.ADMIN),
                "SPARK_JARS_DIR": str(stack.spark_jars),
                SETTING: str(archive),
                "OUTPUT_DIR": str(folder / "output"),
                "LOG_FORMAT": "json",
                "LOG_LEVEL": "info",
            }
            yield BenchmarkStack(
                folder=folder,
                cache=settings.cache,
                broker=stack.broker,
                database=database.settings(),
                admin=database.admin_settings(),
                database_pid=database.pid or 0,
                server_label=database.binary.label,
                partitions=settings.topic_partitions,
                java=java,
                spark_jars=stack.spark_jars,
                environment=environment,
            )
        finally:
            stack.broker.stop()
            database.stop()


def fresh_database(database: DatabaseSettings, patients: int) -> None:
    """Drops and recreates the database, and seeds this many demo patients."""
    with connect(database, database=False) as connection:
        connection.cursor().execute(f"DROP DATABASE IF EXISTS {quoted(database.db_name)}")
        migrate(connection, database.db_name)
    with connect(database) as connection:
        seed(connection, patients, SEED)
