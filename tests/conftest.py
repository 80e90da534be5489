"""A real broker and a real database server for a whole test session."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from common.broker.topics import create_topic
from common.settings import DatabaseSettings, KafkaSettings
from ops.stack import (
    DatabaseServer,
    JarSet,
    JarSource,
    KafkaBroker,
    find_java,
    jar_source,
    prepare_database,
    retrieve,
)
from ops.stack.class_archive import archive_path, ensure_archive

REPOSITORY = Path(__file__).parent.parent


@dataclass(frozen=True)
class ExternalDatabase:
    """A server that somebody else started, reached by an account with all rights."""

    host: str
    port: int
    user: str
    password: str

    def settings(self, database: str = "health_data") -> DatabaseSettings:
        return DatabaseSettings(
            db_host=self.host,
            db_port=self.port,
            db_user=self.user,
            db_password=SecretStr(self.password),
            db_name=database,
        )

    admin_settings = settings


@pytest.fixture(scope="session")
def source() -> JarSource:
    """Jars come to the same cache as those of `vitals up`, so they are downloaded once."""
    given = os.environ.get("VITALS_IVY_SETTINGS")
    mirror = Path(given) if given else None
    return jar_source(REPOSITORY / ".vitals" / "cache", find_java(None), mirror)


@pytest.fixture(scope="session")
def jars(source: JarSource) -> Path:
    """The folder with the sets of jars: `jars / "kafka"`, `jars / "spark"`."""
    for jar_set in (JarSet.KAFKA, JarSet.SPARK):
        retrieve(source, jar_set)
    return source.folder


@pytest.fixture(scope="session")
def class_archive(source: JarSource, jars: Path) -> Path:
    """Each test starts a JVM of its own: half the time is worth a file of classes."""
    path = archive_path(jars.parent, source.java)
    ensure_archive(path, jars=jars / "spark", environment=os.environ, say=print)
    return path


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
    """The embedded server, or the one that VITALS_TEST_DB_HOST names."""
    if host := os.environ.get("VITALS_TEST_DB_HOST"):
        yield ExternalDatabase(
            host,
            int(os.environ["VITALS_TEST_DB_PORT"]),
            os.environ["VITALS_TEST_DB_USER"],
            os.environ["VITALS_TEST_DB_PASSWORD"],
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
    return KafkaSettings(
        kafka_bootstrap_servers=broker.bootstrap_servers,
        kafka_topic=topic,
        kafka_group=f"{topic}-consumer",
        kafka_producers_group=f"{topic}-producers",
    )
