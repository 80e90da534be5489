"""A real broker and a real database server for a whole test session, or for each of its workers."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
from pydantic import SecretStr

from common.broker.topics import create_topic
from common.settings import DatabaseSettings, KafkaSettings
from ops.stack import (
    DatabaseServer,
    JarSet,
    JarSource,
    KafkaBroker,
    prepare_database,
)
from tests import preparing
from tests.programs import FRUGAL_BROKERS
from tests.progress import Progress
from tests.workers import (
    pytest_collection_modifyitems,
    pytest_configure_node,
    pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)

REPOSITORY = Path(__file__).parent.parent

__all__ = [
    "pytest_collection_modifyitems",
    "pytest_configure_node",
    "pytest_xdist_auto_num_workers",
    "pytest_xdist_make_scheduler",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--keep-seconds",
        action="store_true",
        help="write down how long each test took: the next runs start the longest ones first",
    )


os.environ.update(FRUGAL_BROKERS)

# how fast an example runs is the machine's business: several tests run at a time
hypothesis.settings.register_profile("vitals", deadline=None)
hypothesis.settings.load_profile("vitals")


def pytest_configure(config: pytest.Config) -> None:
    is_worker = hasattr(config, "workerinput")
    if not is_worker and config.option.verbose == 0 and not config.option.collectonly:
        config.pluginmanager.register(Progress(config))


@dataclass(frozen=True)
class ExternalDatabase:
    """A server that somebody else started, reached by an account with all rights."""

    host: str
    port: int
    user: str
    password: str
    authority: Path | None
    """Of its certificate; None: it has made one by itself, and any is taken."""

    def settings(self, database: str = "health_data") -> DatabaseSettings:
        return DatabaseSettings(
            db_host=self.host,
            db_port=self.port,
            db_user=self.user,
            db_password=SecretStr(self.password),
            db_name=database,
            db_ssl_verify=self.authority is not None,
            db_ssl_ca=self.authority,
        )

    admin_settings = settings


@pytest.fixture(scope="session")
def source() -> JarSource:
    return preparing.source()


@pytest.fixture(scope="session")
def jars(source: JarSource) -> Path:
    """The folder with the sets of jars: `jars / "kafka"`, `jars / "spark"`."""
    for jar_set in (JarSet.KAFKA, JarSet.SPARK):
        preparing.bring_jars(source, jar_set, print)
    return source.folder


@pytest.fixture(scope="session")
def class_archive(source: JarSource, jars: Path) -> Path:
    return preparing.make_class_archive(source, print)


@pytest.fixture(scope="session")
def broker(jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A broker that all tests share: use the `topic` fixture for a topic of your own."""
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"), jars)
    broker.start()
    broker.wait_ready()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def database_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DatabaseServer | ExternalDatabase]:
    """The embedded server, or the one that VITALS_TEST_DB_HOST and VITALS_TEST_DB_SSL_CA name."""
    if host := os.environ.get("VITALS_TEST_DB_HOST"):
        yield ExternalDatabase(
            host,
            int(os.environ["VITALS_TEST_DB_PORT"]),
            os.environ["VITALS_TEST_DB_USER"],
            os.environ["VITALS_TEST_DB_PASSWORD"],
            Path(given) if (given := os.environ.get("VITALS_TEST_DB_SSL_CA")) else None,
        )
        return
    source = request.getfixturevalue("source")
    server = prepare_database(tmp_path_factory.mktemp("database"), source)
    server.start()
    server.wait_ready()
    yield server
    server.stop()


@pytest.fixture
def topic(broker: KafkaBroker) -> str:
    """A topic that no other test knows, with four partitions."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    create_topic(broker.settings, name, 4)
    return name


@pytest.fixture
def kafka_settings(broker: KafkaBroker, topic: str) -> KafkaSettings:
    """Settings of a pipeline of its own: its topic, its groups."""
    names = {"kafka_topic": topic, "kafka_group": f"{topic}-consumer"}
    names["kafka_producers_group"] = f"{topic}-producers"
    return broker.settings.model_copy(update=names)
