"""Times: UTC epoch milliseconds in messages and files, ISO 8601 for people."""

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DAY_MS = 86_400_000


def unix_ms() -> int:
    """Now."""
    return time.time_ns() // 1_000_000


def epoch_ms(moment: datetime) -> int:
    """Epoch milliseconds of a time with a zone, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def utc_moment(milliseconds: int) -> datetime:
    """The time in UTC; OverflowError beyond the years 1 to 9999."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def iso(moment: datetime) -> str:
    """``2026-03-01T08:00:00.000Z``; a moment without a zone is UTC, as the tables hold it."""
    utc = moment.astimezone(UTC) if moment.tzinfo else moment
    return f"{utc.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def iso_of_ms(milliseconds: int) -> str:
    """``iso`` of UTC epoch milliseconds. Raises OverflowError beyond the years 1 to 9999."""
    return iso(utc_moment(milliseconds))
