"""A backlog is processed in bounded transactions and bounded memory."""

import itertools

import pytest

from common.crash_points import CrashPoint
from tests.builders import READINGS_A_SAMPLE
from tests.services.memory import MOST_BYTES, memory_of
from tests.services.simulated import READINGS_A_BATCH, simulated

pytestmark = pytest.mark.alone

PATIENTS = 100
READINGS = 1_000_000


def test_a_million_readings_are_processed_below_the_memory_limit(make_pipeline):
    pipeline = make_pipeline(patients=PATIENTS)
    windows = -(-READINGS // (PATIENTS * READINGS_A_BATCH) // 10) * 10
    for batches in range(0, windows, 10):
        start = 1_790_000_000_000 + batches * 10_000
        pipeline.publish(*simulated(windows=10, patients=PATIENTS, start=start), archived=False)
    with pipeline.consumer() as consumer, memory_of(consumer) as memory:
        pipeline.wait_for_messages(windows * PATIENTS, seconds=300)
    print(f"peak {memory.peak / 1e6:.0f} MB of {[round(part / 1e6) for part in memory.parts]}")
    assert memory.peak < MOST_BYTES
    largest = pipeline.rows("SELECT MAX(mensagens) FROM livro_razao")[0][0]
    print(f"at most {largest} messages in a range")
    assert pipeline.rows("SELECT SUM(leituras) FROM livro_razao")[0][0] == (
        windows * PATIENTS * READINGS_A_BATCH
    )


def test_long_windows_are_committed_in_parts_below_the_same_limit(make_pipeline):
    """One micro-batch, nearly a million readings per partition; a kill hits between two parts."""
    pipeline = make_pipeline(patients=PATIENTS)
    ten_minutes = 600_000
    for number in range(6):
        start = 1_790_000_000_000 + number * ten_minutes
        batches = simulated(windows=1, patients=PATIENTS, start=start, window_ms=ten_minutes)
        pipeline.publish(*batches, archived=False)
    with pipeline.consumer(CRASH_POINT=f"{CrashPoint.RANGE_COMMITTED}:1") as consumer:
        assert consumer.wait(120) == 1
    ended_early = ranges(pipeline)
    with pipeline.consumer() as consumer, memory_of(consumer) as memory:
        pipeline.wait_for_messages(6 * PATIENTS, seconds=300)
    print(f"peak {memory.peak / 1e6:.0f} MB of {[round(part / 1e6) for part in memory.parts]}")
    assert memory.peak < MOST_BYTES
    found = ranges(pipeline)
    produced = 6 * PATIENTS * READINGS_A_SAMPLE * ten_minutes // 1000
    assert 0 < len(ended_early) < len(found)
    for (partition, _, until, _), (next_partition, first, _, _) in itertools.pairwise(found):
        assert first == (until if next_partition == partition else 0)
    assert sum(readings for *_, readings in found) == produced
    rows = pipeline.rows("SELECT COUNT(*) FROM registro")[0][0]
    rejected = pipeline.rows("SELECT COUNT(*) FROM quarentena")[0][0]
    assert rows + rejected == produced


def ranges(pipeline):
    """Partition, first offset, next offset, readings."""
    return pipeline.rows(
        "SELECT particao, deslocamento_inicial, deslocamento_final, leituras FROM livro_razao ORDER BY 1, 2"
    )
