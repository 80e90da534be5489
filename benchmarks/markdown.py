"""Figures and tables as Markdown."""

import re
from collections.abc import Iterable, Sequence

_PATH = re.compile(r"(?<![\w.\]*])/(?:work|home|root|Users|tmp|opt|mnt|var)/\S*")
_LONGEST = 300


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is aligned left, the others right."""
    lines = [
        f"| {' | '.join(header)} |",
        f"| --- |{' ---: |' * (len(header) - 1)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines)


def number(value: float | None, digits: int = 0) -> str:
    """With thousands separators; a dash for None."""
    return "-" if value is None else f"{value:,.{digits}f}"


def words(text: object) -> str:
    """What another program said, on one line of a table, without paths of this machine."""
    line = _PATH.sub("(a path)", " ".join(str(text).split())).replace("|", "\\|")
    shown = line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."
    return shown.replace("<", "&lt;").replace("[", "\\[")
