"""The few pieces of Markdown that the generated pages are made of."""

from collections.abc import Iterable


def generated(title: str, page: str) -> str:
    """The head of a page that nobody should edit by hand."""
    return (
        f"# {title}\n\n<!-- Generated from the code: `python -m ops.reference {page} >"
        f" docs/reference/{page}.md` -->"
    )


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; cells are Markdown already, apart from ``|`` and line ends."""
    names = tuple(head)
    lines = [names, ("---",) * len(names), *(tuple(map(_cell, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: object) -> str:
    """The text between backticks."""
    return f"`{text}`"


def page_of(parts: Iterable[str]) -> str:
    """The parts with an empty line between them, and a line end after the last one."""
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
