"""Whether two machines see the same folder under one path: by a file with a random content in it."""

import socket
import uuid
from contextlib import suppress
from pathlib import Path

from common.atomic import write_atomic
from common.errors import ConfigurationError

_NAME = ".folder-id"


def identity_of(folder: Path) -> str:
    """The identity of the folder, which is made, and given one, where it is missing. Raises OSError."""
    path = folder / _NAME
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # never replaced: another driver may have told its workers the one that is there
        with suppress(FileExistsError), path.open("x", encoding="ascii") as file:
            file.write(uuid.uuid4().hex)
    if not path.read_text(encoding="ascii"):
        # cut off by a full disk or a kill; a machine without the folder would have the same
        write_atomic(path, lambda file: file.write(uuid.uuid4().hex.encode("ascii")))
    return path.read_text(encoding="ascii")


def require_identity(folder: Path, identity: str) -> None:
    """Raises ConfigurationError where this machine has another folder under that path, or none."""
    try:
        found = (folder / _NAME).read_text(encoding="ascii")
    except FileNotFoundError:
        found = ""
    if found != identity:
        raise ConfigurationError(
            f"{folder} on {socket.gethostname()} is not the folder that the driver writes to",
            hint="mount the same folder under this path on the driver and on every worker",
        )
