"""The migrations as files: ``0001_what_it_makes.sql`` and so on, plain SQL, never edited later."""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from common.errors import ConfigurationError

_FILE_NAME = re.compile(r"(\d{4})_(\w+)\.sql")

# strings with '' and \', quoted names and comments are one token each; `.` takes what is left
_TOKENS = re.compile(
    r"""'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `[^`]*`
    | (?P<comment> --(?=\s|$)[^\n]* | \#[^\n]* | /\*(?!!).*?\*/ )
    | (?P<end> ; ) | (?P<space> \s+ ) | .""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class Migration:
    """One numbered file; ``checksum`` is the SHA-256 of its text with LF line ends."""

    number: int
    name: str
    sql: str
    checksum: str

    @property
    def label(self) -> str:
        """``0003_readings``, as the file is called."""
        return f"{self.number:04d}_{self.name}"


@cache
def migrations() -> tuple[Migration, ...]:
    """All migrations of this version, in order."""
    return read_migrations(files("db.schema").joinpath("migrations"))


def read_migrations(folder: Traversable) -> tuple[Migration, ...]:
    """The migrations in ``folder``.

    Raises:
        ConfigurationError: where a name is not understood, or the numbers are not 1, 2, 3, ...
    """
    names = sorted(path.name for path in folder.iterdir() if path.name.endswith(".sql"))
    found = [_read(folder, name) for name in names]
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ConfigurationError(
            f"cannot use the migrations {', '.join(names) or '(none)'}: the numbers must go from"
            " 0001 on, without a gap, each once",
            hint="install this package again; a file of its own was renamed or lost",
        )
    return tuple(found)


def split_statements(sql: str) -> list[str]:
    """The statements of a script, without the comments before them.

    A semicolon in a string, a quoted name or a comment ends nothing. Not for bodies of stored
    programs: there is no DELIMITER.
    """
    statements: list[str] = []
    current: list[str] = []
    for token in _TOKENS.finditer(sql):
        if token["end"]:
            statements.append("".join(current).strip())
            current = []
        elif token["comment"]:
            current.append(" ")
        else:
            current.append(token[0])
    statements.append("".join(current).strip())
    return [statement for statement in statements if statement]


def _read(folder: Traversable, name: str) -> Migration:
    match = _FILE_NAME.fullmatch(name)
    if match is None:
        raise ConfigurationError(
            f"cannot use the migration {name}: its name is not like 0001_what_it_makes.sql"
        )
    # a checkout on Windows may have other line ends; that is no edit
    sql = folder.joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")
    return Migration(int(match[1]), match[2], sql, hashlib.sha256(sql.encode()).hexdigest())
