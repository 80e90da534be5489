"""Replicas share the patients; one that is killed is replaced by the others within 30 s."""

import time
from collections import Counter, defaultdict

import pytest

from common.demo_patients import demo_patient_ids
from tests.oracle import Oracle
from tests.topic import batches_in
from tests.waiting import wait_until

PATIENTS = 100
PHASE_S = 45
HAND_OVER_S = 30
WINDOW_MS = 10_000


@pytest.fixture(scope="module")
def own_stack(make_project):
    project = make_project(PATIENTS=str(PATIENTS))
    project.make_secrets()
    project.compose("up", "--detach", "--wait")
    return project


def scale(project, replicas):
    """Returns the first window that this number of replicas makes from its start."""
    project.compose("up", "--detach", "--wait", "--scale", f"producer={replicas}")
    return now_ms() // WINDOW_MS * WINDOW_MS + WINDOW_MS


def now_ms():
    return time.time_ns() // 1_000_000


def shares(batches, first, until):
    """By window: how many patients each producer made."""
    counts = defaultdict(Counter)
    for batch in batches:
        if first <= batch.window_start < until:
            counts[batch.window_start][batch.producer_id] += 1
    return counts


def assert_fair(batches, first, until, replicas):
    """Once all have their shards, each has between half and one and a half of an even share."""
    settled = sorted(shares(batches, first, until).items())[-2:]
    assert len(settled) == 2
    for _, counts in settled:
        assert sum(counts.values()) == PATIENTS
        assert len(counts) == replicas
        even = PATIENTS / replicas
        assert all(even / 2 <= count <= even * 1.5 for count in counts.values()), counts


def test_one_four_three_two_replicas_make_every_window_of_every_patient_once(own_stack):
    """1 -> 4, one of them killed with SIGKILL, -> 2: compared with the pure simulator."""
    began = now_ms()
    time.sleep(PHASE_S)
    four = scale(own_stack, 4)
    time.sleep(PHASE_S)

    four_end, victim = now_ms(), own_stack.containers("producer")[-1]
    hostname = own_stack.inspect(victim)["Config"]["Hostname"]
    own_stack.run("docker", "kill", "--signal", "KILL", victim)
    killed_at = now_ms()
    time.sleep(PHASE_S)
    three_end = now_ms()

    two = scale(own_stack, 2)
    time.sleep(PHASE_S)
    wait_until(lambda: now_ms() - began > 180_000)
    until = now_ms() // WINDOW_MS * WINDOW_MS
    oracle = Oracle(patients=PATIENTS)
    database = own_stack.database()
    wait_until(lambda: oracle.last_common_window(database) >= until, own_stack.logs)

    batches = batches_in(own_stack.kafka())
    assert_fair(batches, four, four_end // WINDOW_MS * WINDOW_MS - WINDOW_MS, 4)
    assert_fair(batches, killed_at, three_end // WINDOW_MS * WINDOW_MS - WINDOW_MS, 3)
    assert_fair(batches, two, until, 2)

    orphans = {
        batch.patient_id
        for batch in batches
        if batch.producer_id.startswith(hostname) and batch.produced_at > killed_at - 2 * WINDOW_MS
    }
    taken_over = {
        patient_id: min(
            batch.produced_at
            for batch in batches
            if batch.patient_id == patient_id
            and batch.produced_at > killed_at
            and not batch.producer_id.startswith(hostname)
        )
        for patient_id in orphans
    }
    assert len(orphans) >= PATIENTS / 8
    assert max(taken_over.values()) - killed_at < HAND_OVER_S * 1000

    windows = oracle.assert_every_window_is_there_once(database, until_ms=until)
    assert windows >= 180_000 // WINDOW_MS - 1
    assert {batch.patient_id for batch in batches} == set(demo_patient_ids(PATIENTS))
    proof = own_stack.prove()
    print(f"{windows} windows; hand-over {(max(taken_over.values()) - killed_at) / 1000:.1f} s;")
    print({name: proof[name] for name in ("produced", "registro", "repeated_messages")})
