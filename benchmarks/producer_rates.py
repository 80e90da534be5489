"""``python -m benchmarks.producer_rates``: each step of one producer, and several producers at once.

Every figure comes from its own pass through the producer's modules, after a first window that is
not counted: it connects, and fills the caches that a running producer has.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.produce import Backlog, Windows
from benchmarks.stack import benchmark_stack
from common import log
from common.collector import spare_what_is_loaded
from common.errors import UnavailableError
from common.settings import KafkaSettings, LogSettings, load
from ops.stack.invocation import Invocation, StackSettings
from producer.delivery.archive import RawArchive
from producer.delivery.publisher import DeliveryError, Publisher
from schemas.batch import SensorBatch
from schemas.wire.codec import default_codec

REPLICAS = (1, 2, 4)
_POLL_S = 0.05
_START_LIMIT_S = 120.0
_ACKNOWLEDGE_LIMIT_S = 120.0

OnWindow = Callable[[int, Sequence[SensorBatch]], object]
Finish = Callable[[], None]


@dataclass(frozen=True)
class Pass:
    """How long ``readings`` took; CPU time is that of all threads of the process."""

    readings: int
    wall_s: float
    cpu_s: float


def producer_rates(
    kafka: KafkaSettings, folder: Path, patients: int, readings: int
) -> dict[str, float]:
    """Readings a second of wall time of one process, by what is done with each window.

    ``folder``: for the archive, on the disk to be measured. Each pass makes ``readings`` or a
    little more (whole windows). Raises UnavailableError if the broker does not acknowledge.
    """
    passes = producer_passes(kafka, folder, patients, readings)
    return {name: timed.readings / timed.wall_s for name, timed in passes.items()}


def producer_passes(
    kafka: KafkaSettings, folder: Path, patients: int, readings: int
) -> dict[str, Pass]:
    """Like ``producer_rates``, with CPU time, which can be compared even on a shared machine."""
    windows = Windows(patients)
    codec = default_codec()
    spare_what_is_loaded()

    def encode(_: int, batches: Sequence[SensorBatch]) -> None:
        for batch in batches:
            codec.encode(batch)

    passes = {
        "simulate": _pass(windows, readings, lambda *_: None),
        "+ encode": _pass(windows, readings, encode),
    }
    with _publishing(kafka) as (publish, finish):
        passes["+ publish, acknowledged"] = _pass(windows, readings, publish, finish)
    with _archive(folder, "benchmark-archive") as archive:
        passes["+ archive (fsync)"] = _pass(windows, readings, archive.write)
    backlog = Backlog(kafka, folder, patients, producer_id="benchmark-backlog")
    try:
        backlog.publish(1)
        passes["+ archive (fsync) + publish, acknowledged"] = _timed(
            lambda: backlog.publish(readings)
        )
    finally:
        backlog.close()
    return passes


def replica_rates(
    kafka: KafkaSettings,
    folder: Path,
    patients: int,
    readings: int,
    replicas: Sequence[int] = REPLICAS,
) -> dict[str, float]:
    """Readings a second of several processes together, archived and acknowledged.

    They share the patients by shards, as replicas do; ``readings`` is the total. Timed from the first
    one's start to the last one's end.
    """
    return {
        f"{count} processes": _together(kafka, folder, patients, readings, count)
        for count in replicas
    }


def _pass(windows: Windows, readings: int, work: OnWindow, finish: Finish = lambda: None) -> Pass:
    def run(wanted: int) -> int:
        made = 0
        while made < wanted:
            start, batches = windows.make()
            work(start, batches)
            made += sum(batch.reading_count for batch in batches)
        finish()
        return made

    run(1)
    return _timed(lambda: run(readings))


def _timed(run: Callable[[], int]) -> Pass:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    readings = run()
    return Pass(readings, time.perf_counter() - wall_s, time.process_time() - cpu_s)


@contextmanager
def _publishing(kafka: KafkaSettings) -> Iterator[tuple[OnWindow, Finish]]:
    publisher, open_deliveries = Publisher(kafka), 0

    def report(error: DeliveryError | None) -> None:
        nonlocal open_deliveries
        open_deliveries -= 1
        if error is not None:
            raise UnavailableError(f"cannot publish: {error.str()}", hint="see the broker's log")

    def publish(_: int, batches: Sequence[SensorBatch]) -> None:
        nonlocal open_deliveries
        for batch in batches:
            while not publisher.offer(batch, report):
                publisher.poll(_POLL_S)
            open_deliveries += 1
        publisher.poll(0)

    def finish() -> None:
        deadline = time.monotonic() + _ACKNOWLEDGE_LIMIT_S
        while open_deliveries:
            if time.monotonic() > deadline:
                raise UnavailableError("Kafka acknowledges nothing", hint="see the broker's log")
            publisher.poll(_POLL_S)

    try:
        yield publish, finish
    finally:
        publisher.close()


@contextmanager
def _archive(folder: Path, producer_id: str) -> Iterator[RawArchive]:
    archive = RawArchive(folder / "raw", producer_id)
    archive.claim()
    try:
        yield archive
    finally:
        # nobody will publish what is left here
        for path in archive.pending():
            archive.finish(path)
        archive.release()


def _together(
    kafka: KafkaSettings, folder: Path, patients: int, readings: int, count: int
) -> float:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(count)
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=_Replica.prepare, initargs=(start,)
    ) as pool:
        share = -(-readings // count)
        work = [
            pool.submit(_Replica.run, kafka, folder, patients, share, number, count)
            for number in range(count)
        ]
        done = [future.result() for future in work]
    made = sum(readings for readings, _, _ in done)
    return made / (max(end for *_, end in done) - min(began for _, began, _ in done))


class _Replica:
    """One of several processes that begin together."""

    start: Barrier

    @classmethod
    def prepare(cls, start: Barrier) -> None:
        cls.start = start
        log.configure(load(LogSettings, log_level="warning"), service="benchmarks")

    @classmethod
    def run(
        cls,
        kafka: KafkaSettings,
        folder: Path,
        patients: int,
        readings: int,
        shard: int,
        shards: int,
    ) -> tuple[int, float, float]:
        """Returns readings, begin and end; the clock is the machine's, so processes can be compared."""
        name = f"benchmark-{shard}-of-{shards}"
        backlog = Backlog(kafka, folder, patients, producer_id=name, shard=shard, shards=shards)
        try:
            backlog.publish(1)
            cls.start.wait(_START_LIMIT_S)
            began = time.monotonic()
            made = backlog.publish(readings)
            return made, began, time.monotonic()
        finally:
            backlog.close()


def main(
    patients: Annotated[int, typer.Option(min=4)] = 1_000,
    readings: Annotated[int, typer.Option(help="For each figure.")] = 2_000_000,
    rounds: Annotated[int, typer.Option(help="The fastest one counts.")] = 3,
) -> None:
    """Measure the producer's steps on an embedded broker."""
    log.configure(load(LogSettings, log_level="warning"), service="benchmarks")
    invocation = Invocation(load(StackSettings), dict(os.environ))
    say = Console(stderr=True).print
    with benchmark_stack(invocation, patients, say) as stack:
        given = stack.kafka, stack.output, patients, readings
        passes = [producer_passes(*given) for _ in range(rounds)]
        together = [replica_rates(*given) for _ in range(rounds)]
    for name in passes[0]:
        wall = max(by_step[name].readings / by_step[name].wall_s for by_step in passes)
        cpu = max(by_step[name].readings / by_step[name].cpu_s for by_step in passes)
        print(f"{name:42} {wall:12,.0f} readings/s {cpu:12,.0f} a CPU second")  # noqa: T201
    for name in together[0]:
        print(f"{name:42} {max(rates[name] for rates in together):12,.0f} readings/s")  # noqa: T201


if __name__ == "__main__":
    typer.run(main)
