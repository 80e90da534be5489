"""The data folder of a Kafka that has not run yet."""

import functools
from pathlib import Path
from typing import BinaryIO

from common.atomic import write_atomic

FORMATTED = "meta.properties"
"""Written last: it says that the folder is formatted."""


def copy_formatted(source: Path, target: Path) -> None:
    """Copies a formatted folder. Safe to repeat."""
    # which files there are depends on Kafka's version
    files = [path for path in source.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name == FORMATTED):
        copy = target / path.relative_to(source)
        write_atomic(copy, functools.partial(_write, path.read_bytes()))


def _write(content: bytes, file: BinaryIO) -> None:
    file.write(content)
