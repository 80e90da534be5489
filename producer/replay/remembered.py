"""What a replay remembers from one run to the next: small JSON files below the raw archive."""

from pathlib import Path
from typing import Any

import orjson

from common.atomic import write_atomic
from common.errors import UnavailableError


def read_document(path: Path) -> Any:
    """The document of a file.

    Raises FileNotFoundError, ValueError for what is no JSON, and UnavailableError where the disk refuses.
    """
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnavailableError(
            f"cannot read what was replayed in {path}: {error.strerror}",
            hint="make it readable for this user, and run the same command again",
        ) from error


def write_document(path: Path, document: Any) -> None:
    """Keeps a document durably. Safe to repeat. Raises UnavailableError where the disk refuses."""
    content = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    try:
        write_atomic(path, lambda file: file.write(content))
    except OSError as error:
        raise UnavailableError(
            f"cannot remember what is replayed in {path}: {error.strerror}",
            hint="free some space, or make the folder writable, and run the same command again:"
            " nothing is processed twice",
        ) from error
