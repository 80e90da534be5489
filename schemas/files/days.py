"""Both kinds of files are kept in one folder per day (UTC), named like Hive partitions."""

from datetime import date

ALL_DAYS = "date=*"
"""Matches every day's folder."""


def day_folder(day: date | str) -> str:
    """The name of a day's folder; the day may be given in ISO form."""
    return f"date={day}"
