"""A secret that knows where it was read: it travels to other processes as that place."""

import contextlib
import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from common.errors import ConfigurationError

Place = Path | str
"""A file, or the name of an environment variable."""


class PlacedSecret(SecretStr):
    """Pickled as its place, never as its value: the process that unpickles it reads it there.

    What is in a file may be replaced at any time: each use reads it again.
    """

    def __init__(self, value: str, place: Place) -> None:
        """``place``: where ``value`` was read."""
        super().__init__(value)
        self.place = place

    def get_secret_value(self) -> str:
        """The file's text now; the last one known if it cannot be read, or is being written."""
        if isinstance(self.place, Path):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                return secret_in(self.place) or super().get_secret_value()
        return super().get_secret_value()

    def __reduce__(self) -> tuple[Any, ...]:
        """How it is pickled."""
        return read_secret, (self.place,)


def read_secret(place: Place) -> PlacedSecret:
    """The secret that is there, without the end of its line. Raises ConfigurationError."""
    if isinstance(place, Path):
        try:
            return PlacedSecret(secret_in(place), place)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"cannot read the secret in {place}: {error}",
                hint="on a cluster, each worker needs this file, readable for its user",
            ) from error
    try:
        return PlacedSecret(os.environ[place], place)
    except KeyError:
        raise ConfigurationError(
            f"cannot read the secret {place}: it is not set in this process",
            hint=f"set {place} for the workers, too; or {place}_FILE, a path that they have",
        ) from None


def secret_in(path: Path) -> str:
    """The text of a file, without the end of its line. Raises OSError, UnicodeDecodeError."""
    return path.read_text(encoding="utf-8").rstrip("\r\n")
