"""What the logs of a run must not hold."""

import re
from pathlib import Path

# a log may not name a patient
_NAMED_PATIENT = re.compile(r"\bdemo-\d{6}\b")
# errors of statements that the server will never accept: no fault explains them
_BROKEN_STATEMENT = re.compile(r"\b(IntegrityError|DataError|ProgrammingError|DataRefusedError)\b")


def broken_statements(logs: Path) -> list[str]:
    """Lines of failed statements that no fault explains."""
    return _log_lines(logs, "consumer*.log", _BROKEN_STATEMENT)


def named_patients(logs: Path) -> list[str]:
    """Places where a patient is named."""
    return _log_lines(logs, "*.log", _NAMED_PATIENT)


def _log_lines(logs: Path, pattern: str, sought: re.Pattern[str]) -> list[str]:
    return [
        f"{path.name}:{number}: {sought.findall(line)[0]}"
        for path in sorted(logs.glob(pattern))
        for number, line in enumerate(_lines(path), start=1)
        if sought.search(line)
    ]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()
