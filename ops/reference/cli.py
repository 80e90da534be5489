"""The page of all commands, from the command line's own definitions."""

import re
from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

from db.__main__ import app as db_app
from ops.__main__ import app as vitals_app
from ops.reference.markdown import code, generated, page_of, table
from producer.__main__ import app as producer_app

PROGRAMS: dict[str, typer.Typer] = {
    "vitals": vitals_app,
    "python -m db": db_app,
    "python -m producer": producer_app,
}
"""The programs by the words that start them, and where their commands are defined."""

_HEAD = """\
`vitals --help` and `vitals COMMAND --help` say the same. `vitals --compose COMMAND` runs a command on the
stack that `docker compose up` started."""

_ITEM = re.compile(r"(\S+) {2,}(\S.*)")
_WIDTH = 1000
"""Columns: no line of the page may depend on the terminal where it was generated."""


def cli_page() -> str:
    """The whole page as Markdown."""
    programs = (part for name, app in PROGRAMS.items() for part in _program(name, app))
    return page_of((generated("Commands", "cli"), _HEAD, *programs))


def command_tree(app: typer.Typer) -> Any:
    """The root command; groups have ``commands`` by name."""
    return get_command(app)


def _program(name: str, app: typer.Typer) -> Iterator[str]:
    root = command_tree(app)
    context = _context(root, name, None)
    yield f"## {name}"
    yield _text(root)
    if parameters := _parameters(root, context):
        yield parameters
    commands = _visible(root)
    panels = dict.fromkeys(_panel(command) for _, command in commands)
    for panel in panels:
        if panel:
            yield f"### {panel}"
        for command_name, command in commands:
            if _panel(command) == panel:
                yield from _command(command_name, command, context, "####" if panel else "###")


def _command(name: str, command: Any, parent: Any, heading: str) -> Iterator[str]:
    context = _context(command, name, parent)
    if hasattr(command, "commands"):
        for child_name, child in _visible(command):
            yield from _command(child_name, child, context, heading)
        return
    yield f"{heading} {context.command_path}"
    parameters = _parameters(command, context)
    usage = command.get_usage(context).removeprefix("Usage: ")
    yield code(usage if "`--" in parameters else usage.replace(" [OPTIONS]", ""))
    yield _text(command)
    if parameters:
        yield parameters


def _context(command: Any, name: str, parent: Any) -> Any:
    return command.context_class(command, info_name=name, parent=parent, terminal_width=_WIDTH)


def _visible(group: Any) -> list[tuple[str, Any]]:
    return [(name, command) for name, command in group.commands.items() if not command.hidden]


def _panel(command: Any) -> str:
    panel = getattr(command, "rich_help_panel", None)
    return panel if isinstance(panel, str) else ""


def _parameters(command: Any, context: Any) -> str:
    records = [
        parameter.get_help_record(context)
        for parameter in command.get_params(context)
        if not getattr(parameter, "hidden", False) and "--help" not in parameter.opts
    ]
    # "<int range>": the text gives the range
    rows = [(code(names.replace(" range>", ">")), text) for names, text in filter(None, records)]
    return table(("argument or option", "meaning"), rows) if rows else ""


def _text(command: Any) -> str:
    return "\n\n".join(map(_paragraph, (command.help or "").split("\n\n")))


def _paragraph(text: str) -> str:
    """One line; or a list, if each line is a name, some blanks and what it means, as exit codes are."""
    items = [_ITEM.fullmatch(line.strip()) for line in text.strip().splitlines()]
    if items and all(items):
        return "\n".join(f"- {code(item[1])}: {item[2]}" for item in items if item)
    return " ".join(text.split())
