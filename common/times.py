"""Times as whole milliseconds since 1970, UTC: how messages, names and files hold them."""

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def unix_ms() -> int:
    """Now."""
    return time.time_ns() // 1_000_000


def epoch_ms(moment: datetime) -> int:
    """Of a time with a zone, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def utc_moment(milliseconds: int) -> datetime:
    """The time in UTC; OverflowError beyond the years 1 to 9999."""
    return _EPOCH + timedelta(milliseconds=milliseconds)
