"""Pipelines for the service tests; a missing broker or database fails them."""

import os
import uuid

import pytest

from common.settings import KafkaSettings, TopicSettings
from db.connection import connect
from db.migrate import migrate
from db.seed import seed
from ops.class_archive import archive_path, ensure_archive
from ops.stack import create_topics
from tests.services.pipeline import Pipeline


@pytest.fixture(scope="session")
def class_archive(source, jars):
    """Each test starts a JVM of its own: half the time is worth a file of classes."""
    path = archive_path(jars.parent, source.java)
    ensure_archive(path, jars=jars / "spark", environment=os.environ, say=print)
    return path


@pytest.fixture
def make_pipeline(broker, database_server, jars, class_archive, tmp_path):
    """Makes pipelines with a migrated database and the demo patients; drops the databases."""
    admin = database_server.admin_settings()
    made = []

    def make(*, patients=10, partitions=4):
        name = uuid.uuid4().hex[:12]
        topic = f"test-{name}"
        database = admin.model_copy(update={"db_name": f"test_{name}"})
        made.append(database)
        with connect(database, database=False) as connection:
            migrate(connection, database.db_name)
            seed(connection, patients, 7)
        kafka = KafkaSettings(
            kafka_bootstrap_servers=broker.bootstrap_servers,
            kafka_topic=topic,
            kafka_dlq_topic=f"{topic}-dlq",
            kafka_shards_topic=f"{topic}-shards",
            kafka_group=f"{topic}-consumer",
        )
        create_topics(kafka, TopicSettings(topic_partitions=partitions))
        return Pipeline(kafka, database, jars, class_archive, tmp_path / name)

    yield make
    for database in made:
        with connect(admin, database=False) as connection:
            connection.cursor().execute(f"DROP DATABASE IF EXISTS {database.db_name}")


@pytest.fixture
def pipeline(make_pipeline):
    """One pipeline with ten demo patients."""
    return make_pipeline()
