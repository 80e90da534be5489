"""Tables that are never cut off: a narrow terminal folds them, and a pipe gets whole lines."""

from rich.console import Console
from rich.table import Table

# more than any table needs; rich assumes 80 columns when there is no terminal
_PIPE_WIDTH = 10_000


def output() -> Console:
    """The standard output: as wide as the terminal, unlimited in a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)


def folding(*columns: str, title: str | None = None) -> Table:
    """A table that folds cells that are too long."""
    table = Table(title=title, show_header=bool(columns), title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
