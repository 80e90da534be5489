"""One peer from its first row to its last, and whether it wrote what it should."""

import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.flat import publish_flat
from benchmarks.peers.expected import (
    Content,
    expected_content,
    registro_rows,
    simulated_windows,
    stored_content,
)
from benchmarks.peers.peer import Peer, PeerRun, TopicFormat
from benchmarks.stack import BenchmarkStack
from common.errors import UnavailableError
from common.settings import KafkaSettings
from db.connection import Connection, connect
from db.mapping import read_mappings
from ops.stack import ChildProcess, create_topic
from producer.publisher import Publisher
from schemas.batch import SensorBatch

_POLL_S = 0.05
_TIMEOUT_S = 120.0
_STOP_S = 20.0
_PUBLISH_LIMIT_S = 120.0


@dataclass(frozen=True)
class Trial:
    """``warm_s``: from the first commit to the last, in which ``warm_rows`` came; ``whole_s``: from the start.

    What the first commit brought was made before it, so it counts for the whole alone.
    """

    rows: int
    warm_rows: int
    warm_s: float
    whole_s: float

    @property
    def warm_rate(self) -> float:
        """Readings a second between the two commits; not a number where there was only one."""
        return self.warm_rows / self.warm_s if self.warm_s else math.nan


def try_peer(
    peer: Peer, stack: BenchmarkStack, *, patients: int, readings: int, processes: int = 1
) -> Trial:
    """Publishes a topic, lets ``peer`` work it off and holds the table against what was published.

    The peer is installed. ``registro`` is emptied before, so that trials can follow each other.

    Raises:
        UnavailableError: it ended, was not done in time, or wrote other rows.
    """
    folder = stack.folder / f"{peer.name}-{time.time_ns()}"
    topic = folder.name
    with connect(stack.database) as connection:
        connection.cursor().execute("DELETE FROM registro")
        connection.commit()
        expected = _publish(peer.topic_format, stack, connection, topic, patients, readings)
        run = PeerRun(
            bootstrap_servers=stack.kafka.kafka_bootstrap_servers,
            topic=topic,
            partitions=stack.partitions,
            database=stack.database,
            folder=folder,
            java=stack.java,
            environment=stack.environment,
            spark_jars=Path(stack.environment["SPARK_JARS_DIR"]),
            processes=processes,
        )
        began = time.monotonic()
        children = peer.start(run)
        try:
            first, last, first_rows = _wait(peer, run, connection, children, expected.rows)
            _require_same(peer, expected, stored_content(connection))
        finally:
            for child in children:
                child.stop(_STOP_S)
            _keep_logs(run)
    return Trial(expected.rows, expected.rows - first_rows, last - first, last - began)


def _publish(
    topic_format: TopicFormat,
    stack: BenchmarkStack,
    connection: Connection,
    topic: str,
    patients: int,
    readings: int,
) -> Content:
    windows = list(simulated_windows(patients, readings))
    mapping_ids = {
        (each.patient_id, each.sensor): each.mapping_id for each in read_mappings(connection)
    }
    connection.rollback()
    tables = [registro_rows(batches, mapping_ids) for batches in windows]
    servers = stack.kafka.kafka_bootstrap_servers
    create_topic(servers, topic, stack.partitions)
    if topic_format is TopicFormat.BATCHES:
        publish_batches([each for batches in windows for each in batches], servers, topic)
    else:
        publish_flat(tables, servers, topic, topic_format)
    return expected_content(tables)


def publish_batches(batches: Sequence[SensorBatch], servers: str, topic: str) -> None:
    """Publishes with the product's own publisher; returns when all are acknowledged.

    Raises:
        UnavailableError: the broker does not take them.
    """
    publisher = Publisher(KafkaSettings(kafka_bootstrap_servers=servers, kafka_topic=topic))
    taken, refused = 0, 0

    def report(error: object) -> None:
        nonlocal taken, refused
        taken, refused = taken + (error is None), refused + (error is not None)

    deadline = time.monotonic() + _PUBLISH_LIMIT_S
    for batch in batches:
        while not publisher.offer(batch, report):
            publisher.poll(0.1)
    while taken + refused < len(batches) and time.monotonic() < deadline:
        publisher.poll(0.1)
    publisher.close()
    if taken < len(batches):
        raise UnavailableError(
            f"the broker took {taken} of {len(batches)} batches of {topic}",
            hint="see the broker's log, and free disk",
        )


def _wait(
    peer: Peer,
    run: PeerRun,
    connection: Connection,
    children: Sequence[ChildProcess],
    rows: int,
) -> tuple[float, float, int]:
    first, first_rows, deadline = 0.0, 0, time.monotonic() + _TIMEOUT_S
    while True:
        for child in children:
            child.require_alive()
        asked = time.monotonic()
        found, pause = 0, _POLL_S
        if first or _value(connection, "SELECT EXISTS(SELECT 1 FROM registro)"):
            found = _value(connection, "SELECT COUNT(*) FROM registro")
            # a count reads the whole index: it may not take a noticeable part of the server
            pause = max(_POLL_S, 20 * (time.monotonic() - asked))
        if found and not first:
            first, first_rows = asked, found
        if found >= rows:
            return first, asked, first_rows
        if asked > deadline:
            raise UnavailableError(
                f"{peer.name} wrote {found} of {rows} rows in {_TIMEOUT_S:.0f} s;"
                f" its last complaint: {peer.complaint(run) or 'none'}",
                hint=f"see its logs in {run.folder.parent.parent}",
            )
        time.sleep(pause)


def _keep_logs(run: PeerRun) -> None:
    # the stack's folder goes at the end, and an error that names a log must not
    for log in run.folder.glob("*.log"):
        shutil.copy(log, run.folder.parent.parent)


def _value(connection: Connection, query: str) -> int:
    cursor: Any = connection.cursor()
    cursor.execute(query)
    (value,) = cursor.fetchone()
    connection.rollback()
    return int(value)


def _require_same(peer: Peer, expected: Content, found: Content) -> None:
    if found != expected:
        raise UnavailableError(
            f"{peer.name} wrote other rows than were published: {found}, expected {expected}",
            hint="compare a few of them by hand: time zone, rounding, component",
        )
