"""The file of the people who may sign in: a secret each, of which only the hash is kept.

A file and not a table: the page must open while the database is away, and needs no right to write.
"""

import base64
import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from common.atomic import write_atomic
from common.errors import BadInputError, ConfigurationError, UnavailableError
from common.times import iso
from ops.stack.file_lock import exclusive

FIRST_PERSON = "first"
"""Whom `vitals up` lets in where nobody may yet."""
_SECRET_BYTES = 20
_INSTANCE_BYTES = 6
_NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)


class PageRole(StrEnum):
    """What a person may see."""

    VIEWER = "viewer"
    """The ward and its patients."""
    ENGINEER = "engineer"
    """The pipeline and the quarantine as well."""


class Person(BaseModel):
    """One person; two with the same name are never in a register."""

    model_config = ConfigDict(frozen=True)

    name: str
    role: PageRole
    since: str
    secret_sha256: str
    """Without salt or work factor: nobody can try the values of 160 random bits."""


class Register(BaseModel):
    """What the file holds."""

    model_config = ConfigDict(frozen=True)

    instance: str = ""
    """Tells this stack's sessions from those of another one under the same host name."""
    people: tuple[Person, ...] = ()

    def holder(self, secret: str) -> Person | None:
        """Whose secret this is."""
        wanted = _hash(secret)
        return next((person for person in self.people if person.secret_sha256 == wanted), None)


class People:
    """The register in a file, reread whenever it has changed."""

    def __init__(self, path: Path) -> None:
        """Reads nothing yet; a missing file is an empty register."""
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._register = Register()

    def register(self) -> Register:
        """The register as of now.

        Raises UnavailableError for a file that cannot be read: then nobody may enter.
        """
        try:
            found = self.path.stat()
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen != self._seen:
                self._register = Register.model_validate_json(self.path.read_bytes())
                self._seen = seen
        except FileNotFoundError:
            return Register()
        except (OSError, ValidationError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not a register"
            raise UnavailableError(
                f"cannot read the people in {self.path}: {reason}",
                hint="restore the file, or remove it and add the people again: `vitals users add`",
            ) from error
        return self._register

    def add(self, name: str, role: PageRole) -> str:
        """Adds a person and returns the secret, which nobody can read again.

        Durable on return. Raises ConfigurationError for a name that is taken or cannot be one.
        """
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                "a name has 1 to 64 letters, digits and . _ @ -", hint="choose another name"
            )
        secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode().lower()
        person = Person(
            name=name, role=role, since=iso(datetime.now(UTC)), secret_sha256=_hash(secret)
        )
        with exclusive(self._lock):
            people = self.register().people
            if any(known.name == name for known in people):
                raise ConfigurationError(
                    f"{name} may sign in already",
                    hint=f"for a new secret: `vitals users remove {name}`, then add it again",
                )
            self._write((*people, person))
        return secret

    def remove(self, name: str) -> None:
        """Removes a person, whose sessions end at once. Raises BadInputError: there is none."""
        with exclusive(self._lock):
            people = self.register().people
            left = tuple(person for person in people if person.name != name)
            if len(left) == len(people):
                raise BadInputError(
                    f"nobody called {name} may sign in", hint="`vitals users list` shows who may"
                )
            self._write(left)

    def _write(self, people: Sequence[Person]) -> None:
        instance = self.register().instance or secrets.token_hex(_INSTANCE_BYTES)
        document = Register(instance=instance, people=tuple(people)).model_dump_json(indent=1)
        try:
            write_atomic(self.path, lambda file: _write_private(file, document.encode()))
        except OSError as error:
            raise ConfigurationError(
                f"cannot write the people to {self.path}: {error.strerror}",
                hint="run it as the user whose file it is; VITALS_PEOPLE names another one",
            ) from error

    @property
    def _lock(self) -> Path:
        return self.path.with_name(f"{self.path.name}.lock")


def _write_private(file: BinaryIO, content: bytes) -> None:
    os.fchmod(file.fileno(), 0o600)
    file.write(content)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
