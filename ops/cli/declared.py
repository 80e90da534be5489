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


@dataclass(frozen=True)
class HostFile:
    """An argument that names a file of the machine on which `vitals` was typed."""


HOST_FILE = HostFile()


def logins_of(function: Callable[..., Any], values: Mapping[str, Any]) -> tuple[Principal, Role]:
    """The login at the broker and the account of the database that a command needs.

    ``values``: of its parameters.
    """
    of_options = (mark for name, mark in _marks(function, Needs) if values.get(name))
    needed = (getattr(function, _NEEDS, Needs()), *of_options)
    principal = next((needs.principal for needs in needed if needs.principal), Principal.READER)
    return principal, next((needs.role for needs in needed if needs.role), Role.READER)


def host_files_of(line: CommandLine) -> list[str]:
    """The names of the parameters that are files of this machine."""
    return [name for name, _ in _marks(line.function, HostFile)]


def _marks(function: Callable[..., Any], kind: type[Any]) -> Iterator[tuple[str, Any]]:
    """Each parameter's declaration of a kind."""
    hints = get_type_hints(function, include_extras=True)
    for name, hint in hints.items():
        for mark in getattr(hint, "__metadata__", ()):
            if isinstance(mark, kind):
                yield name, mark
