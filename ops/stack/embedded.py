"""Broker and database of one home folder, from nothing to ready."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from common.broker.principals import RESTRICTED
from common.broker.rights import give_rights
from common.settings import TopicSettings
from ops.credentials.authority import make_embedded_certificates
from ops.credentials.batch_keys import PRODUCER, ensure_batch_key
from ops.stack.broker import KafkaBroker
from ops.stack.database_server import DatabaseServer
from ops.stack.exports import DATABASE_FOLDER, KAFKA_FOLDER, SECRETS_FOLDER
from ops.stack.ivy import JarSource, OnProgress, retrieve
from ops.stack.jars import JarSet
from ops.stack.kafka_classes import ensure_kafka_archive
from ops.stack.provision import Say, prepare_database, require_disk_space
from ops.stack.topics import create_topics


class EmbeddedStack:
    """A broker and a database server; `prepare`, then start both."""

    def __init__(
        self,
        home: Path,
        source: JarSource,
        *,
        kafka_port: int | None = None,
        database_port: int | None = None,
        kafka_advertised_port: int | None = None,
        is_kafka_plain_too: bool = False,
    ) -> None:
        """Touches nothing before `prepare`.

        ``kafka_advertised_port``: that of a proxy. ``is_kafka_plain_too``: see `KafkaBroker`.
        """
        self.home = home
        self.source = source
        self.spark_jars = source.folder / JarSet.SPARK.value
        self.broker = KafkaBroker(
            home / KAFKA_FOLDER,
            source.folder,
            kafka_port,
            java=source.java,
            secrets_folder=home / SECRETS_FOLDER,
            advertised_port=kafka_advertised_port,
            is_plain_too=is_kafka_plain_too,
        )
        self._database_port = database_port
        self._database: DatabaseServer | None = None

    @property
    def database(self) -> DatabaseServer:
        """The server; available only after `prepare`."""
        if self._database is None:
            raise RuntimeError("call prepare() first")
        return self._database

    def prepare(self, say: Say) -> None:
        """Downloads what is missing, formats and initialises what is new; safe to repeat.

        Raises:
            ConfigurationError: the machine lacks something; the message says what.
            UnavailableError: a download or an initialisation failed.
        """
        require_disk_space(self.home)
        require_disk_space(self.source.folder)
        make_embedded_certificates(self.home / SECRETS_FOLDER)
        ensure_batch_key(self.home / SECRETS_FOLDER, PRODUCER)
        # in parallel: the first start mostly waits for the network, later ones for a JVM
        with _download_bars() as bar_for, ThreadPoolExecutor(max_workers=3) as pool:
            parts: list[Future[Path] | Future[None]] = [
                pool.submit(self._prepare_kafka, bar_for("Kafka"), say),
                pool.submit(retrieve, self.source, JarSet.SPARK, bar_for("Spark connectors")),
                pool.submit(self._prepare_database, bar_for("database"), say),
            ]
        for part in parts:
            part.result()

    def wait_for_broker(self, topics: TopicSettings) -> None:
        """Returns when the broker answers, and has the topics and what each principal may do."""
        self.broker.wait_ready()
        # before the topics: whoever sees a topic may use it
        give_rights(self.broker.settings, RESTRICTED)
        create_topics(self.broker.settings, topics)

    def _prepare_kafka(self, on_progress: OnProgress, say: Say) -> None:
        retrieve(self.source, JarSet.KAFKA, on_progress)
        ensure_kafka_archive(self.source.folder, self.source.java, say)
        self.broker.prepare()

    def _prepare_database(self, on_progress: OnProgress, say: Say) -> None:
        self._database = prepare_database(
            self.home / DATABASE_FOLDER,
            self.source,
            port=self._database_port,
            secrets_folder=self.home / SECRETS_FOLDER,
            on_progress=on_progress,
            say=say,
        )


@contextmanager
def _download_bars() -> Iterator[Callable[[str], OnProgress]]:
    """Bars that appear only when something is downloaded."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    # without a terminal, rich prints an empty line instead of the bars
    progress = Progress(
        *(*columns, TransferSpeedColumn()),
        console=console,
        transient=True,
        disable=not console.is_interactive,
    )

    def bar_for(name: str) -> OnProgress:
        task = progress.add_task(f"downloading {name}", total=None, visible=False)

        def show(arrived: int, total: int) -> None:
            progress.update(task, completed=arrived, total=total, visible=True)

        return show

    with progress:
        yield bar_for
