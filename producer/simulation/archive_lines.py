"""What producers make for a period, as archive lines: the body of the ``simulate`` command."""

from typing import BinaryIO

from common.demo_patients import demo_patient_ids
from common.errors import ConfigurationError
from producer.settings import ProducerSettings
from producer.simulation import Simulator
from producer.simulation.batches import make_batches
from schemas.files.raw import line_of


def print_batches(settings: ProducerSettings, *, start: int, until: int, out: BinaryIO) -> None:
    """Prints the batches of all windows that begin from ``start`` to before ``until`` (epoch ms).

    One JSON line a batch, as in the archive. Nothing is archived or published: the simulator is a
    pure function, so this is what producers with these settings made for that period, or will make.

    Raises ConfigurationError if no window starts at ``start``.
    """
    window_ms, interval_ms = settings.window_ms, settings.interval_ms
    if start % window_ms:
        raise ConfigurationError(
            f"no window starts at {start}",
            hint=f"give a multiple of {window_ms}, the length of a window in ms",
        )
    simulator = Simulator(
        seed=settings.simulation_seed, fault_share=settings.fault_share, silent=settings.silent
    )
    ids = demo_patient_ids(settings.patients)
    for window_start in range(start, until, window_ms):
        batches = make_batches(
            simulator.simulate(ids, window_start, window_ms, interval_ms),
            source=simulator.source(window_ms, interval_ms),
            producer_id=settings.producer_id,
            window_start=window_start,
            interval_ms=interval_ms,
            produced_at=window_start + window_ms,
        )
        out.writelines(map(line_of, batches))
