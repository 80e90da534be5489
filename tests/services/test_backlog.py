"""A backlog is worked off in bounded batches and bounded memory."""

from tests.services.memory import MOST_BYTES, memory_of
from tests.services.simulated import simulated

PATIENTS = 100
READINGS = 1_000_000


def test_a_million_readings_are_worked_off_below_the_memory_limit(make_pipeline):
    pipeline = make_pipeline(patients=PATIENTS)
    windows = READINGS // (PATIENTS * 100)
    for batches in range(0, windows, 10):
        start = 1_790_000_000_000 + batches * 10_000
        pipeline.publish(*simulated(windows=10, patients=PATIENTS, start=start), archived=False)
    with pipeline.consumer() as consumer, memory_of(consumer) as memory:
        pipeline.wait_for_messages(windows * PATIENTS, seconds=300)
    print(f"peak {memory.peak / 1e6:.0f} MB of {[round(each / 1e6) for each in memory.parts]}")
    assert memory.peak < MOST_BYTES
    largest = pipeline.rows("SELECT MAX(mensagens) FROM livro_razao")[0][0]
    print(f"at most {largest} messages in a range")
    assert pipeline.rows("SELECT SUM(leituras) FROM livro_razao")[0][0] == READINGS
