"""Batches as a producer of demo patients makes them."""

import time

from common.demo_patients import demo_patient_ids
from producer.simulation import Simulator
from producer.simulation.batches import make_batches
from tests.builders import READINGS_A_SAMPLE

WINDOW_MS = 10_000
READINGS_A_BATCH = READINGS_A_SAMPLE * WINDOW_MS // 1000


def now_ms():
    """The start of the current window."""
    return int(time.time() * 1000) // WINDOW_MS * WINDOW_MS


def simulated(windows=3, *, patients=10, fault_share=0.05, start=None, window_ms=WINDOW_MS):
    """All patients' windows, the last one just ended (or ending at ``start``, epoch ms)."""
    simulator = Simulator(seed=7, fault_share=fault_share)
    until = start or now_ms()
    return [
        batch
        for window_start in range(until - windows * window_ms, until, window_ms)
        for batch in make_batches(
            simulator.simulate(demo_patient_ids(patients), window_start, window_ms, 1000),
            source=simulator.source(window_ms, 1000),
            producer_id="test",
            window_start=window_start,
            interval_ms=1000,
            produced_at=window_start + window_ms,
        )
    ]
