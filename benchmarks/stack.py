"""The embedded broker and database of a benchmark, in a folder that goes at the end."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.produce import SEED
from common.settings import DatabaseSettings, KafkaSettings
from db.connection import connect
from db.migrate import migrate
from db.seed import seed
from ops.class_archive import SETTING, archive_path, ensure_archive
from ops.invocation import Invocation
from ops.stack import find_java, jar_source
from ops.stack.embedded import EmbeddedStack
from ops.stack.exports import embedded_addresses

Say = Callable[[str], None]


@dataclass(frozen=True)
class BenchmarkStack:
    """A running broker and a migrated database with the demo patients."""

    folder: Path
    kafka: KafkaSettings
    database: DatabaseSettings
    server_label: str
    java: Path
    partitions: int
    environment: Mapping[str, str]
    """Of the processes that work on it."""

    @property
    def output(self) -> Path:
        """Raw archive and trusted files."""
        return self.folder / "output"


@contextmanager
def benchmark_stack(invocation: Invocation, patients: int, say: Say) -> Iterator[BenchmarkStack]:
    """Starts it all on the disk of VITALS_HOME; stops it and deletes the folder, whatever happens.

    Raises:
        VitalsError: a part cannot start.
    """
    settings = invocation.settings
    java = find_java(settings.java_home)
    source = jar_source(settings.cache, java, settings.vitals_ivy_settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=settings.home) as name:
        folder = Path(name)
        stack = EmbeddedStack(folder, source)
        stack.prepare(say)
        archive = archive_path(settings.cache, java)
        ensure_archive(archive, jars=stack.spark_jars, environment=invocation.environment, say=say)
        database = stack.database
        try:
            database.start()
            stack.broker.start()
            database.wait_ready()
            _fill(database.settings(), patients)
            stack.wait_for_broker(settings)
            environment = {
                **invocation.environment,
                **embedded_addresses(folder),
                "SPARK_JARS_DIR": str(stack.spark_jars),
                SETTING: str(archive),
                "OUTPUT_DIR": str(folder / "output"),
                "LOG_FORMAT": "json",
                "LOG_LEVEL": "info",
            }
            kafka = KafkaSettings(kafka_bootstrap_servers=stack.broker.bootstrap_servers)
            yield BenchmarkStack(
                folder=folder,
                kafka=kafka,
                database=database.settings(),
                server_label=database.binary.label,
                java=java,
                partitions=settings.topic_partitions,
                environment=environment,
            )
        finally:
            stack.broker.stop()
            database.stop()


def _fill(database: DatabaseSettings, patients: int) -> None:
    with connect(database, database=False) as connection:
        migrate(connection, database.db_name)
    with connect(database) as connection:
        seed(connection, patients, SEED)
