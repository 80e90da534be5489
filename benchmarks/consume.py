"""Lets ``python -m consumer`` work off a backlog and reads its speed from its log."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from common.errors import UnavailableError
from common.settings import DatabaseSettings
from db.connection import connect
from db.status import LedgerReader
from ops.stack import ChildProcess

_TIMEOUT_S = 300.0
_STOP_S = 45.0


@dataclass(frozen=True)
class Consumed:
    """Readings a second, and the milliseconds of each micro-batch.

    ``warm``: from the first commit to the last. ``first`` and ``fastest``: of one micro-batch; the
    JVM is still compiling after the first one, so the fastest says more of a consumer that runs long.
    """

    batch_ms: list[int]
    warm: float
    first: float
    fastest: float


def consume_backlog(
    topic: str,
    database: DatabaseSettings,
    messages: int,
    log: Path,
    environment: Mapping[str, str],
) -> Consumed:
    """Runs a consumer until the ledger shows ``messages`` in all, then stops it.

    Raises:
        UnavailableError: it ended, or is not done in time; see ``log``.
    """
    consumer = ChildProcess(
        "consumer", [sys.executable, "-m", "consumer"], log, environment=environment
    )
    consumer.start()
    try:
        _wait(topic, database, messages, consumer)
    finally:
        consumer.stop(_STOP_S)
    return _measured(log)


def _wait(topic: str, database: DatabaseSettings, messages: int, consumer: ChildProcess) -> None:
    ledger, deadline = LedgerReader(topic), time.monotonic() + _TIMEOUT_S
    with connect(database) as connection:
        while (done := ledger.read(connection).messages) < messages:
            consumer.require_alive()
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"{done} of {messages} messages are committed after {_TIMEOUT_S:.0f} s",
                    hint=f"see {consumer.log}",
                )
            time.sleep(0.3)


def _measured(log: Path) -> Consumed:
    commits = [_commit(line) for line in log.read_text(encoding="utf-8").splitlines()]
    found = [each for each in commits if each is not None]
    if len(found) < 2:  # noqa: PLR2004 - from a first one to a last one
        raise UnavailableError(
            f"only {len(found)} micro-batch was committed: nothing warm to measure",
            hint="take more --readings",
        )
    first, last = found[0], found[-1]
    seconds = (_moment(last) - _moment(first)).total_seconds()
    warm = sum(each["readings"] for each in found[1:]) / seconds
    rates = [each["readings"] * 1000 / each["duration_ms"] for each in found]
    return Consumed([each["duration_ms"] for each in found], warm, rates[0], max(rates))


def _commit(line: str) -> dict[str, Any] | None:
    # the JVM writes lines of its own into the same file
    if '"batch_committed"' not in line:
        return None
    event: dict[str, Any] = json.loads(line)
    return event


def _moment(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["timestamp"])
