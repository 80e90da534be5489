"""The end of a log file, for messages that must say why a process ended."""

import json
import re
import signal
from pathlib import Path

_TAIL_BYTES = 16_384
_LONGEST_ERROR = 200
_RAISED = re.compile(r"(error: |[\w.]*(Error|Exception)\b)")


def last_lines(path: Path, count: int) -> str:
    """The last lines of a file, indented; a note if there is no file."""
    if not path.is_file():
        return f"    (no log at {path})"
    kept = _tail(path)[-count:]
    return "\n".join(f"    {line}" for line in kept) or f"    (nothing in {path})"


def last_error(path: Path, code: int | None) -> str:
    """In one line, why a process that ended with ``code`` did: the last error in its log."""
    if code is not None and code < 0:
        return f"ended by {signal.Signals(-code).name}"
    lines = _tail(path) if path.is_file() else []
    errors = (_error_in(line) for line in reversed(lines))
    error = next(filter(None, errors), lines[-1].strip() if lines else f"ended with code {code}")
    return "".join(letter if letter.isprintable() else " " for letter in error)[:_LONGEST_ERROR]


def _error_in(line: str) -> str:
    """The error that a line of JSON, or the last line of a traceback, names; empty if none."""
    if line.startswith("{"):
        try:
            event = json.loads(line)
        except ValueError:
            return ""
        lines = str(event.get("error") or event.get("exception") or "").strip().splitlines()
        is_bad = event.get("level") in {"error", "critical"}
        return f"{event.get('event')}: {lines[-1]}" if is_bad and lines else ""
    return line.strip() if _RAISED.match(line) else ""


def _tail(path: Path) -> list[str]:
    """The last lines that are not blank."""
    text = text_after(path, max(0, path.stat().st_size - _TAIL_BYTES))
    return [line for line in text.splitlines() if line.strip()]


def text_after(path: Path, size_bytes: int) -> str:
    """What was written since the file had this size; nothing if there is no file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(size_bytes)
        return file.read().decode(errors="replace")
