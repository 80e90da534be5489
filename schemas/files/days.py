"""Both kinds of files lie in one folder a day (UTC), named as Hive names its partitions."""

from datetime import date

ALL_DAYS = "date=*"
"""Matches every day's folder."""


def day_folder(day: date | str) -> str:
    """The name of the folder of a day, or of its ISO form."""
    return f"date={day}"
