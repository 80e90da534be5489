"""Topics and producer replicas for each test."""

import os
import subprocess
import sys
import uuid

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from common.broker.clients import client_options
from tests.kafka import environment_of
from tests.services.producing.files import SHARDS


@pytest.fixture
def kafka(broker):
    """Topics and a group of this test's own."""
    name = uuid.uuid4().hex[:12]
    names = {"kafka_topic": f"batches-{name}", "kafka_shards_topic": f"shards-{name}"}
    names["kafka_producers_group"] = f"producers-{name}"
    settings = broker.settings.model_copy(update=names)
    admin = AdminClient(client_options(broker.settings))
    topics = [NewTopic(settings.kafka_topic, 4), NewTopic(settings.kafka_shards_topic, SHARDS)]
    for created in admin.create_topics(topics).values():
        created.result(timeout=20)
    return settings


@pytest.fixture
def start_producer(kafka, tmp_path):
    """Starts replicas that share an archive folder; kills those still alive at the end."""
    alive = []

    def start(producer_id, **environment):
        settings = {
            **environment_of(kafka),
            "OUTPUT_DIR": str(tmp_path),
            "PRODUCER_ID": producer_id,
            "PATIENTS": "24",
            "GENERATION_INTERVAL_SECONDS": "1",
            "LOG_FORMAT": "json",
        }
        log = (tmp_path / f"{producer_id}.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "producer", "run"],
            env=os.environ | settings | environment,
            stderr=log,
        )
        alive.append(process)
        return process

    yield start
    for process in alive:
        process.kill()
        process.wait()
