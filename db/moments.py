"""Times as the tables hold them: DATETIME without a zone, always UTC."""

from datetime import datetime, timedelta

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - DATETIME columns carry no zone
EPOCH_MS_SQL = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {}) DIV 1000)"
"""Whole milliseconds since 1970 of a DATETIME column, to be named with ``format``."""


def epoch_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def moment_of(milliseconds: int) -> datetime:
    """The moment so many milliseconds after the beginning of 1970; OverflowError beyond all years."""
    return EPOCH + timedelta(milliseconds=milliseconds)
