"""How fast Kafka and Spark alone are with the same messages: the broker's own tools, and a noop sink."""

import json
import re
import subprocess
import sys

from benchmarks.settings import READINGS_A_BATCH
from benchmarks.stack import BenchmarkStack
from benchmarks.topics import Backlog
from common.broker.topics import create_topic
from common.errors import UnavailableError

_MESSAGE_BYTES = 11 * READINGS_A_BATCH
"""Roughly the size of a batch."""


def consumer_perf(stack: BenchmarkStack, backlog: Backlog) -> float:
    """Readings a second that ``kafka-consumer-perf-test`` reads from the backlog.

    Raises:
        UnavailableError: it gives no figure; the others here raise it too.
    """
    done = stack.broker.run_tool(
        *("consumer-perf-test", "--topic", backlog.topic, "--hide-header"),
        *("--num-records", str(backlog.messages)),
    )
    lines = [line.split(",") for line in done.stdout.strip().splitlines()]
    if not lines or len(lines[-1]) < 10:  # noqa: PLR2004 - its columns
        raise UnavailableError(f"kafka-consumer-perf-test gives no figure: {done.stderr[-300:]}")
    # start, end, MB, MB/s, messages, messages/s, rebalance ms, fetch ms, MB/s and messages/s of it
    return float(lines[-1][9]) * len(backlog.rows) / backlog.messages


def producer_perf(stack: BenchmarkStack, topic: str, records: int, readings: int) -> float:
    """Readings a second that ``kafka-producer-perf-test`` publishes, acknowledged, as batches."""
    create_topic(stack.kafka, topic, 4)
    done = stack.broker.run_tool(
        *("producer-perf-test", "--topic", topic, "--num-records", str(records)),
        *("--record-size", str(_MESSAGE_BYTES), "--throughput", "-1"),
        *("--command-property", "acks=all", "compression.type=lz4", "linger.ms=20"),
    )
    found = re.findall(r"([\d.]+) records/sec", done.stdout)
    if not found:
        raise UnavailableError(f"kafka-producer-perf-test gives no figure: {done.stderr[-300:]}")
    return float(found[-1]) * readings


def spark_noop(stack: BenchmarkStack, backlog: Backlog, passes: int) -> list[float]:
    """Readings a second of Kafka -> from_avro -> noop, pass by pass in one JVM; the first is cold.

    Raises:
        UnavailableError: it ended with an error.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.spark_noop", backlog.topic, str(passes)],
        env=dict(stack.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise UnavailableError(f"the noop sink ended: {done.stderr[-500:]}")
    seconds: list[float] = json.loads(done.stdout.strip().splitlines()[-1])
    return [len(backlog.rows) / pass_seconds for pass_seconds in seconds]
