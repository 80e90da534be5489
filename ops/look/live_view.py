"""The status view of `vitals up`: a small table in a terminal, an occasional line elsewhere."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from common.output import plain
from ops.look.snapshot import Snapshot
from ops.stack.supervisor import Supervised
from ops.tables import PlainTable

_LINE_EVERY_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 1.0


class LiveView:
    """A context manager: `show` replaces the view, `say` prints lines that stay."""

    def __init__(self, console: Console) -> None:
        """Draws nothing until it is entered."""
        self.console = console
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._last_line = 0.0

    def __enter__(self) -> Self:
        """Takes the bottom of the terminal, if it is one."""
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Leaves the last view where it is."""
        if self.console.is_terminal:
            self._live.stop()

    @property
    def is_due(self) -> bool:
        """Whether a new look would be shown: at most one a second is."""
        wait_seconds = _LOOK_EVERY_SECONDS if self.console.is_terminal else _LINE_EVERY_SECONDS
        return time.monotonic() - self._last_line >= wait_seconds

    def say(self, line: str) -> None:
        """One line that stays, above the view."""
        self.console.print(plain(line), markup=False, highlight=False, soft_wrap=True)

    def show(
        self, headline: str, snapshot: Snapshot | None, services: Sequence[Supervised]
    ) -> None:
        """Draws the current state; ``snapshot`` None: a service is away."""
        if self.console.is_terminal:
            self._last_line = time.monotonic()
            body = Group(Text(headline), figures(snapshot), processes(services))
            self._live.update(body, refresh=True)
        elif self.is_due:
            self._last_line = time.monotonic()
            self.say(f"{headline} | {one_line(snapshot)}")


def figures(snapshot: Snapshot | None) -> PlainTable:
    """The numbers of the pipeline."""
    table = PlainTable(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(min_width=16)
    table.add_column(overflow="fold")
    if snapshot is None:
        table.add_row("pipeline", "broker or database does not answer")
        return table
    totals = snapshot.totals
    table.add_row("readings/s", f"{totals.readings_per_second:,.0f}")
    table.add_row("lag", f"{snapshot.lag_messages:,} of {snapshot.produced_messages:,} messages")
    table.add_row("accepted", f"{totals.accepted:,}")
    table.add_row("quarantined", _quarantined(snapshot))
    table.add_row("last commit", age_text(totals.last_commit))
    return table


def processes(services: Sequence[Supervised]) -> PlainTable:
    """What is running, and how often it was restarted."""
    table = PlainTable(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(min_width=16)
    for service in services:
        restarts = f"{service.restarts} restarts" if service.restarts else ""
        table.add_row(service.process.name, service.state, restarts)
    return table


def one_line(snapshot: Snapshot | None) -> str:
    """The same for logs and pipes."""
    if snapshot is None:
        return "broker or database does not answer"
    return (
        f"{snapshot.totals.readings_per_second:,.0f} readings/s, lag {snapshot.lag_messages},"
        f" accepted {snapshot.totals.accepted:,}, quarantined {_quarantined(snapshot)},"
        f" last commit {age_text(snapshot.totals.last_commit)}"
    )


def _quarantined(snapshot: Snapshot) -> str:
    reasons = ", ".join(
        f"{reason} {count:,}" for reason, count in snapshot.totals.reasons.most_common()
    )
    return f"{snapshot.totals.quarantined:,}" + (f" ({reasons})" if reasons else "")


def age_text(moment: datetime | None) -> str:
    """How long ago it was, for people."""
    if moment is None:
        return "none yet"
    return f"{max(0.0, (datetime.now(UTC) - moment).total_seconds()):.1f} s ago"
