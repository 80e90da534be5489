"""The migrations as files: ``0001_what_it_makes.sql`` and so on, plain SQL, never edited later.

``{BINARY}`` in one stands for the server's own name of the collation that compares byte for byte.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from common.errors import ConfigurationError

_FILE_NAME = re.compile(r"(\d{4})_(\w+)\.sql")

# strings with '' and \', quoted names and comments are one token each; `.` matches the rest
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
        """The file's name without its suffix, such as ``0003_readings``."""
        return f"{self.number:04d}_{self.name}"


@cache
def migrations() -> tuple[Migration, ...]:
    """All migrations of this version, in order."""
    return read_migrations(files("db.schema").joinpath("migrations"))


def read_migrations(folder: Traversable) -> tuple[Migration, ...]:
    """The migrations in ``folder``.

    Raises ConfigurationError: a file name is invalid, or the numbers are not 1, 2, 3, ...
    """
    names = sorted(path.name for path in folder.iterdir() if path.name.endswith(".sql"))
    found = [_read(folder, name) for name in names]
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ConfigurationError(
            f"cannot use the migrations {', '.join(names) or '(none)'}: the numbers must run from"
            " 0001 without gaps or repeats",
            hint="reinstall this package: one of its files was renamed or lost",
        )
    return tuple(found)


def split_statements(sql: str) -> list[str]:
    """The statements of a script, without the comments before them.

    A semicolon in a string, a quoted name or a comment does not end a statement. Not for stored
    programs: DELIMITER is not supported.
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
    # a checkout on Windows may have other line ends; that does not count as an edit
    sql = folder.joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")
    return Migration(int(match[1]), match[2], sql, hashlib.sha256(sql.encode()).hexdigest())
