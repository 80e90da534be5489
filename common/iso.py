"""Times as people and scripts read them: ISO 8601 in UTC with milliseconds and a ``Z``."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(moment: datetime) -> str:
    """``2026-03-01T08:00:00.000Z``; a moment without a zone is UTC, as the tables hold it."""
    utc = moment.astimezone(UTC) if moment.tzinfo else moment
    return f"{utc.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def iso_of_ms(milliseconds: int) -> str:
    """The same of UTC epoch milliseconds. Raises OverflowError outside the years 1 to 9999."""
    return iso(_EPOCH + timedelta(milliseconds=milliseconds))
