"""The end of a log file, for messages that must say why a process ended."""

from pathlib import Path

_TAIL_BYTES = 16_384


def last_lines(path: Path, count: int) -> str:
    """The last lines of a file, indented; a note if there is no file."""
    if not path.is_file():
        return f"    (no log at {path})"
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    kept = [line for line in lines if line.strip()][-count:]
    return "\n".join(f"    {line}" for line in kept) or f"    (nothing in {path})"


def text_after(path: Path, size_bytes: int) -> str:
    """What was written since the file had this size; nothing if there is no file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(size_bytes)
        return file.read().decode(errors="replace")
