"""A backlog is worked off in bounded batches and bounded memory."""

import threading
import time
from contextlib import suppress
from pathlib import Path

from ops.stack.descendants import descendants
from tests.services.simulated import simulated

PATIENTS = 100
READINGS = 1_000_000
LIMIT_BYTES = 1_500_000_000


class Memory(threading.Thread):
    """The largest sum of what a process and those below it hold, shared pages counted once."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.parts = pid, 0, {}

    def run(self):
        while Path(f"/proc/{self.pid}").exists():
            parts = {each: held_bytes(each) for each in self.family()}
            if sum(parts.values()) > self.peak:
                self.peak, self.parts = sum(parts.values()), parts
            time.sleep(0.2)

    def family(self):
        return [self.pid, *(each.pid for each in descendants(self.pid))]


def held_bytes(pid):
    """Proportional set size."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return 1024 * next(int(each.split()[1]) for each in lines if each.startswith("Pss:"))
    return 0


def test_a_million_readings_are_worked_off_below_the_memory_limit(make_pipeline):
    pipeline = make_pipeline(patients=PATIENTS)
    windows = READINGS // (PATIENTS * 100)
    for batches in range(0, windows, 10):
        start = 1_790_000_000_000 + batches * 10_000
        pipeline.publish(*simulated(windows=10, patients=PATIENTS, start=start), archived=False)
    with pipeline.consumer() as consumer:
        memory = Memory(consumer.pid)
        memory.start()
        pipeline.wait_for_messages(windows * PATIENTS, seconds=300)
    print(
        f"peak {memory.peak / 1e6:.0f} MB of {[round(each / 1e6) for each in memory.parts.values()]}"
    )
    assert memory.peak < LIMIT_BYTES
    largest = pipeline.rows("SELECT MAX(mensagens) FROM livro_razao")[0][0]
    print(f"at most {largest} messages in a range")
    assert pipeline.rows("SELECT SUM(leituras) FROM livro_razao")[0][0] == READINGS
