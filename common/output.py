r"""What people read: every line and every document that a command prints passes here.

Ids, sensors' names, headers and the errors of others come from outside. What a terminal would obey or
hide in them (control and bidirectional characters, line breaks, lone surrogates) is printed as its
escape, such as ``\u001b``; nothing is ever read as markup.
"""

import json
import sys
import traceback
from types import TracebackType
from typing import Any, TextIO

_CONTINUED = "\n    "
"""How our own messages of several lines go on: no line of an outsider begins at the margin."""


def plain(text: str) -> str:
    """One line without anything but printable characters."""
    if text.isprintable():
        return text
    return "".join(_kept_if(character, character.isprintable()) for character in text)


def plain_lines(text: str) -> str:
    """The same for a message that may go on in indented lines."""
    return _CONTINUED.join(map(plain, text.split(_CONTINUED)))


def encodable(text: str, stream: TextIO) -> str:
    """The text; where the stream's character set lacks a character of it, with all but ASCII as escapes."""
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return "".join(_kept_if(character, character.isascii()) for character in text)
    return text


def put_line(line: str) -> None:
    """Prints a line of the command's answer."""
    _write(plain(line), sys.stdout)


def put_json(document: Any, *, indent: int | None = None) -> None:
    """Prints a JSON document, or a line of JSON lines: readable as text, exact when parsed."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    _write("\n".join(map(plain, text.split("\n"))), sys.stdout)


def say(line: str) -> None:
    """Prints a line for the person at the terminal, to standard error."""
    _write(plain_lines(line), sys.stderr)


def say_error(error: Exception, origin: str = "error") -> None:
    """Prints an expected error: its message, then what to do; its text is plain already."""
    _write(f"{origin}: {error}", sys.stderr)


def say_exception(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """An uncaught exception, as Python prints it."""
    for part in traceback.format_exception(kind, error, trace):
        for line in part.rstrip("\n").split("\n"):
            say(line)


def _write(line: str, stream: TextIO) -> None:
    print(encodable(line, stream), file=stream, flush=True)


def _kept_if(character: str, is_kept: bool) -> str:
    return character if is_kept else json.dumps(character)[1:-1]
