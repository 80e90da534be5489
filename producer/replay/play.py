"""Replays a file of real readings through archive and topic, like simulated ones."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from common.errors import ConfigurationError
from common.output import say
from common.settings import DatabaseSettings, KafkaSettings
from common.times import unix_ms
from producer.delivery.archive import RawArchive
from producer.delivery.outbox import Outbox
from producer.delivery.publisher import Publisher
from producer.replay.anchor import Shifts, file_digest, last_ms
from producer.replay.content import known_encoding
from producer.replay.continued import file_batches
from producer.replay.moments import Epochs
from producer.replay.preview import outcomes, summary
from producer.replay.reader import Unreadable
from producer.replay.registration import register_patients
from producer.replay.rows import Rows, read_rows
from producer.replay.sending import publish

_REPLAYED = "replays"
"""The folder below ``output/raw`` that remembers what was replayed."""


@dataclass(frozen=True)
class ReplayPlan:
    """What to play and how. ``speed`` None: as fast as possible; 60: an hour in a minute."""

    path: Path
    table_format: str
    is_ending_now: bool
    speed: float | None
    is_again: bool
    epochs: Epochs = field(default_factory=Epochs)
    encoding: str | None = None
    """Of CSV; None: UTF-8 or UTF-16, as the file shows."""

    @classmethod
    def of(
        cls,
        path: Path,
        *,
        table: str = "auto",
        start: str = "original",
        speed: str = "max",
        is_again: bool = False,
        time_unit: str | None = None,
        earliest: str | None = None,
        encoding: str | None = None,
    ) -> Self:
        """The plan that the command line's words mean. Errors: ``ConfigurationError``."""
        _require("--format", table, ("auto", "long", "clif"))
        _require("--start", start, ("original", "now"))
        factor = re.fullmatch(r"(\d+(?:\.\d+)?)x", speed)
        if speed != "max" and (factor is None or float(factor[1]) == 0):
            raise ConfigurationError(
                f"cannot replay at --speed {speed}", hint="give max, or a factor such as 1x or 60x"
            )
        times_speed = float(factor[1]) if factor else None
        epochs = Epochs.of(time_unit, earliest)
        named = None if encoding is None else known_encoding(encoding)
        return cls(path, table, start == "now", times_speed, is_again, epochs, named)


@dataclass(frozen=True)
class ReplayReport:
    """What a replay did; its text is the summary line."""

    rows: int
    readings: int
    batches: int
    unreadable: int
    rows_before: int
    """Rows that were replayed before, with a file that this one continues: they change nothing."""
    shift_ms: int
    registered: tuple[int, int] | None
    seconds: float

    def __str__(self) -> str:
        """One line for a person."""
        registered = (
            f", registered {self.registered[0]} patients and {self.registered[1]} mappings"
            if self.registered is not None
            else ""
        )
        before = f", {self.rows_before} rows as before" if self.rows_before else ""
        return (
            f"replayed {self.rows} rows: {self.readings} readings published in"
            f" {self.batches} batches, {self.unreadable} unreadable rows{before}{registered},"
            f" shift {self.shift_ms} ms, {self.seconds:.1f} s"
        )


def replay_file(
    plan: ReplayPlan, kafka: KafkaSettings, folder: Path, database: DatabaseSettings | None
) -> ReplayReport:
    """Plays a file into the topic; with ``database`` what it needs is registered first.

    Guarantee: when this returns, Kafka has acknowledged every reading. Safe to repeat: the same
    file with the same shift makes the same batch ids, also for its rows in a file that continues it.
    ``folder``: ``output/raw``.

    Raises VitalsError for an unusable file, wrong settings, a broker or a database that is away.
    """
    began = time.monotonic()
    rows, unreadable = _rows(plan)
    digest = file_digest(plan.path)
    archive = RawArchive(folder, f"replay-{digest[:16]}")
    publisher = Publisher(kafka)
    archive.claim()
    try:
        publisher.require_topic()
        shift_ms = _shift(plan, folder, digest, rows, is_remembered=True)
        rows = replace(rows, time_ms=rows.time_ms + shift_ms)
        registered = register_patients(database, rows) if database is not None else None
        batches = file_batches(rows, digest, folder / _REPLAYED, is_remembered=True)
        publish(batches, Outbox(archive, publisher), plan.speed)
    finally:
        publisher.close()
        archive.release()
    return ReplayReport(
        len(rows) + len(unreadable),
        len(rows),
        len(batches),
        len(unreadable),
        batches.rows_before,
        shift_ms,
        registered,
        time.monotonic() - began,
    )


def preview_file(plan: ReplayPlan, folder: Path) -> tuple[str, int]:
    """What ``replay_file`` would do, as one line, and how many rows are unreadable.

    Publishes nothing and remembers nothing; neither a broker nor a database is needed.
    """
    rows, unreadable = _rows(plan)
    digest = file_digest(plan.path)
    shift_ms = _shift(plan, folder, digest, rows, is_remembered=False)
    rows = replace(rows, time_ms=rows.time_ms + shift_ms)
    batches = file_batches(rows, digest, folder / _REPLAYED, is_remembered=False)
    now_ms = unix_ms()
    count = outcomes((batch, now_ms) for batch in batches.made(now_ms))
    line = (
        f"{len(rows) + len(unreadable)} rows in {len(batches)} batches would be {summary(count)},"
        f" {len(unreadable)} unreadable rows, shift {shift_ms} ms"
    )
    return line, len(unreadable)


def _rows(plan: ReplayPlan) -> tuple[Rows, list[Unreadable]]:
    rows, unreadable = read_rows(plan.path, plan.table_format, plan.epochs, plan.encoding)
    for row in unreadable:
        say(f"line {row.line}: {row.reason}")
    return rows, unreadable


def _shift(plan: ReplayPlan, folder: Path, digest: str, rows: Rows, *, is_remembered: bool) -> int:
    if not plan.is_ending_now or not len(rows):
        return 0
    now_ms = unix_ms()
    shifts = Shifts(
        folder / _REPLAYED, digest, f"{plan.epochs.unit} from {plan.epochs.earliest_ms}"
    )
    shift_ms = shifts.to_now(last_ms(rows, now_ms), now_ms, is_again=plan.is_again)
    if is_remembered:
        shifts.remember(shift_ms, now_ms)
    return shift_ms


def _require(option: str, word: str, known: Sequence[str]) -> None:
    if word not in known:
        raise ConfigurationError(
            f"cannot replay with {option} {word}", hint=f"give one of {', '.join(known)}"
        )
