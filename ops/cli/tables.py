"""Tables of which nothing is cut off: a narrow terminal folds them, and a pipe gets lines as they are."""

from rich.console import Console
from rich.table import Table

# more than any table needs; rich would take 80 columns for all that is no terminal
_PIPE_WIDTH = 10_000


def output() -> Console:
    """The standard output: as wide as the terminal, or without a limit where it is none."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)


def folding(*columns: str, title: str | None = None) -> Table:
    """A table whose cells are folded where they are too long."""
    table = Table(title=title, show_header=bool(columns), title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
