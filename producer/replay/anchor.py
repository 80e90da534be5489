"""Where in time a file is played: its own times, or all shifted so that it ends now.

The shift of a file is remembered, so that playing it again makes the same batches, which the
consumer has already processed: it changes no row.
"""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import orjson
import structlog

from common.atomic import write_atomic
from common.errors import BadInputError

_MOMENT_MS = 1000
"""How old the last reading of a file that ends now is, so that no clock sees it in the future."""

log = structlog.get_logger()


def file_digest(path: Path) -> str:
    """SHA-256 of the file, in hex: two files of the same content are the same file.

    Raises:
        BadInputError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInputError(
            f"cannot read {path}: {error.strerror}", hint="give the path of a Parquet or CSV file"
        ) from error


def shift_to_now(folder: Path, digest: str, last_ms: int, now_ms: int, *, is_again: bool) -> int:
    """Milliseconds to add to every time of the file, remembered in ``folder`` from the first run.

    ``is_again``: a new shift, and so a new set of batches. Safe to repeat. Raises OSError if
    the disk refuses, before anything is published.
    """
    path = folder / f"{digest}.json"
    if not is_again and (known := _remembered(path)) is not None:
        log.info("replay_shift_remembered", shift_ms=known, hint="--again plays it at a new time")
        return known
    shift_ms = now_ms - _MOMENT_MS - last_ms
    document = {
        "file_sha256": digest,
        "shift_ms": shift_ms,
        "since": datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds"),
    }
    content = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    write_atomic(path, lambda file: file.write(content))
    return shift_ms


def _remembered(path: Path) -> int | None:
    try:
        return int(orjson.loads(path.read_bytes())["shift_ms"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"cannot read the remembered shift in {path}: {error}",
            hint="restore it, or use --again for a new shift (the readings are then stored again)",
        ) from error
