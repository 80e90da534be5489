"""How soon and how fast the pipeline catches up after an outage, by the times in the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass

from db.moments import EPOCH_MS_SQL

COMMITS = (
    f"SELECT {EPOCH_MS_SQL.format('confirmado_em')} / 1e3, leituras"
    " FROM livro_razao WHERE topico = %s ORDER BY confirmado_em"
)
# lagging by less input than this counts as caught up: a window, and the micro-batch that commits it
_LEVEL_SECONDS = 10.0


@dataclass(frozen=True)
class Outage:
    """A server that was away; UTC seconds."""

    kind: str
    began: float
    ended: float


@dataclass(frozen=True)
class Commit:
    """One range of the ledger."""

    at: float
    """UTC seconds."""
    readings: int


@dataclass(frozen=True)
class Recovery:
    """What came after an outage."""

    kind: str
    outage_seconds: float
    first_commit_seconds: float | None
    """From the moment the server was allowed to start again; None: nothing was committed."""
    backlog_readings: int | None
    """Readings committed until the backlog was gone; None: it never was."""
    times_input: float | None
    """How many times the producers' rate they were committed at, from the first commit on."""


@dataclass(frozen=True)
class Input:
    """What the producers make; they never pause."""

    rate: float
    """Readings a second."""
    until: float
    """When they were stopped, UTC seconds."""


def recoveries_after(
    outages: Sequence[Outage], commits: Sequence[Commit], made: Input
) -> list[Recovery]:
    """One for each outage. ``commits`` in order of time.

    The backlog is what the producers have made since the outage began that is not committed.
    """
    return [_recovery(outage, commits, made) for outage in outages]


def _recovery(outage: Outage, commits: Sequence[Commit], made: Input) -> Recovery:
    later = [commit for commit in commits if commit.at > outage.ended]
    if not later:
        return Recovery(outage.kind, outage.ended - outage.began, None, None, None)
    first, committed = later[0].at, 0
    backlog, times_input = None, None
    for commit in later:
        committed += commit.readings
        made_seconds = min(commit.at, made.until) - outage.began
        if committed >= (made_seconds - _LEVEL_SECONDS) * made.rate:
            backlog = committed
            times_input = round(committed / max(commit.at - first, 1.0) / made.rate, 1)
            break
    lasted, waited = round(outage.ended - outage.began, 1), round(first - outage.ended, 1)
    return Recovery(outage.kind, lasted, waited, backlog, times_input)
