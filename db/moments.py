"""Times as in the tables: DATETIME without a zone, always UTC."""

from datetime import datetime, timedelta

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - DATETIME columns carry no zone
EPOCH_MS_SQL = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {}) DIV 1000)"
"""Whole milliseconds since 1970 of a DATETIME column; insert its name with ``format``."""


def epoch_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def moment_of(milliseconds: int) -> datetime:
    """The moment of these epoch milliseconds. Raises OverflowError beyond the years 1 to 9999."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def moment_of_hour(hour: int) -> datetime:
    """The begin of an hour since 1970, or the last moment that a DATETIME can store."""
    try:
        return EPOCH + timedelta(hours=hour)
    except OverflowError:
        # the end of the last hour that a DATETIME can store
        return datetime.max  # noqa: DTZ901 - as above
