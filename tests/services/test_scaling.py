"""`vitals up --producers N` splits the patients as replicas in containers do."""

import os
import signal
import time
from collections import Counter, defaultdict
from contextlib import suppress

import mysql.connector
from pydantic import ValidationError

from common.errors import VitalsError
from common.settings import DatabaseSettings, KafkaSettings, load
from ops.stack.exports import embedded_addresses
from tests.embedded_stack import embedded_stack
from tests.oracle import Oracle
from tests.topic import batches_in

PRODUCERS = 4
ORACLE = Oracle(patients=60, window_ms=2000, replicas=PRODUCERS)


def addresses(home):
    found = {name.lower(): value for name, value in embedded_addresses(home).items()}
    return load(KafkaSettings, **found), load(DatabaseSettings, **found)


def wait_for_window(stack, moment_ms):
    """Waits until every patient has the window with that start; returns the settings."""
    deadline = time.monotonic() + 120
    while True:
        # while it starts there is no address, server or table: retry
        with suppress(ValidationError, VitalsError, mysql.connector.Error):
            kafka, database = addresses(stack.home)
            if ORACLE.last_common_window(database) >= moment_ms:
                return kafka, database
        assert time.monotonic() < deadline, stack.log.read_text()[-3000:]
        time.sleep(0.5)


def now_ms():
    return time.time_ns() // 1_000_000


def test_four_producers_share_the_patients_and_one_that_is_killed_costs_no_window(jars, tmp_path):
    """Compared with the pure simulator: every window of every patient is there exactly once."""
    stack = embedded_stack(tmp_path, jars.parent)
    with stack.running("--producers", PRODUCERS, "--patients", ORACLE.patients):
        wait_for_window(stack, 1)
        wait_for_window(stack, now_ms())
        killed_at = now_ms()
        os.kill(stack.pids["producer-2"], signal.SIGKILL)
        wait_for_window(stack, killed_at)
        kafka, database = wait_for_window(stack, now_ms() + 6000)
        until = ORACLE.last_common_window(database) + ORACLE.window_ms
        assert ORACLE.assert_every_window_is_there_once(database, until_ms=until) >= 8
        counts = defaultdict(Counter)
        for batch in batches_in(kafka):
            counts[batch.window_start][batch.producer_id] += 1
    settled = counts[max(start for start in counts if start < killed_at - 2 * ORACLE.window_ms)]
    even = ORACLE.patients / PRODUCERS
    assert len(settled) == PRODUCERS
    assert all(even / 2 <= count <= even * 1.5 for count in settled.values()), settled
