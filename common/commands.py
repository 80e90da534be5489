"""The programs with commands of their own: how each runs, and how it says what was wrong."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer._click.exceptions import ClickException
from typer.core import TyperGroup

from common.errors import VitalsError
from common.output import plain, say_error
from common.private_files import keep_private


class PlainGroup(TyperGroup):
    """Commands whose misuse is reported without the control characters of an argument."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """As typer's; reads the group's own options."""
        with _plain_misuse():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """As typer's; reads the command's arguments and runs it."""
        with _plain_misuse():
            return super().invoke(ctx)


@contextmanager
def _plain_misuse() -> Iterator[None]:
    try:
        yield
    except ClickException as error:
        error.message = plain(error.message)
        raise


def run(app: typer.Typer, **options: Any) -> None:
    """Runs a command; an expected error ends it with its message and its exit code.

    What it and its children write is for their user alone.
    """
    keep_private()
    try:
        app(**options)
    except VitalsError as error:
        say_error(error)
        sys.exit(error.exit_code)
