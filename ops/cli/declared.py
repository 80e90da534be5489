"""What a command declares about itself, at its definition or at one of its options.

``@Needs(Role.MIGRATOR)`` above a command, or ``Needs(Role.MIGRATOR)`` in the ``Annotated`` of an
option: the database account that it needs, and ``Needs(principal=Principal.ADMIN)`` the login at the
broker; the default is the reader's.
``HOST_FILE`` in the ``Annotated`` of an argument: a file of this machine, mounted into the container.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from common.broker.principals import Principal
from db.schema.accounts import Role
from ops.cli.command_line import CommandLine

F = TypeVar("F", bound=Callable[..., Any])

_NEEDS = "__vitals_needs__"


@dataclass(frozen=True)
class Needs:
    """Whose rights a command needs; None: what others say, or the reader's."""

    role: Role | None = None
    principal: Principal | None = None

    def __call__(self, command: F) -> F:
        """Declares it for a whole command."""
        setattr(command, _NEEDS, self)
        return command


HOST_FILE = object()
"""Marks an argument that names a file of the machine on which `vitals` was typed."""


def logins_of(function: Callable[..., Any], values: Mapping[str, Any]) -> tuple[Principal, Role]:
    """The login at the broker and the account of the database that a command needs.

    ``values``: of its parameters.
    """
    marks = _marks(function)
    of_options = (mark for name, mark in marks if isinstance(mark, Needs) and values.get(name))
    needed = (getattr(function, _NEEDS, Needs()), *of_options)
    principal = next((needs.principal for needs in needed if needs.principal), Principal.READER)
    return principal, next((needs.role for needs in needed if needs.role), Role.READER)


def host_files_of(line: CommandLine) -> list[str]:
    """The names of the parameters that are files of this machine."""
    return [name for name, mark in _marks(line.function) if mark is HOST_FILE]


def _marks(function: Callable[..., Any]) -> Iterator[tuple[str, object]]:
    """What the parameters' annotations hold, each with the parameter's name."""
    for name, hint in get_type_hints(function, include_extras=True).items():
        for mark in getattr(hint, "__metadata__", ()):
            yield name, mark
