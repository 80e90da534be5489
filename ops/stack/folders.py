"""Folders that only we fill: a mark in them lets a fresh start delete their contents."""

import shutil
from collections.abc import Collection
from pathlib import Path

from common.errors import ConfigurationError

MARK = ".made-by-vitals"


def claim(folder: Path) -> None:
    """Makes the folder, and marks it if it is new or empty; somebody else's stays unmarked."""
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        (folder / MARK).touch()


def clear(folder: Path, *, keep: Collection[Path] = ()) -> None:
    """Deletes what is in the folder, if it exists, except its mark and ``keep``.

    Raises:
        ConfigurationError: the folder has no mark: it was filled by somebody else.
    """
    if not folder.exists():
        return
    kept = {path.resolve() for path in keep} | {(folder / MARK).resolve()}
    entries = [path for path in folder.iterdir() if path.resolve() not in kept]
    if entries and not (folder / MARK).exists():
        raise ConfigurationError(
            f"will not delete what is in {folder}: it was not made by `vitals`",
            hint="empty it yourself, or name another folder in VITALS_HOME or OUTPUT_DIR",
        )
    for path in entries:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
