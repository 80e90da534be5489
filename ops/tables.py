"""Tables that are never cut off: a narrow terminal folds them, and a pipe gets whole lines."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from common.output import plain

# more than any table needs; rich assumes 80 columns when there is no terminal
_PIPE_WIDTH = 10_000


class PlainTable(Table):
    """Cells of text that is neither markup nor anything but printable."""

    def add_row(self, *cells: Any, **options: Any) -> None:
        """As rich's, of plain texts."""
        super().add_row(*(Text(plain(str(cell))) for cell in cells), **options)


def put_table(table: PlainTable) -> None:
    """Prints a table: as wide as the terminal, unlimited in a pipe."""
    console = Console()
    (console if console.is_terminal else Console(width=_PIPE_WIDTH)).print(table)


def folding(*columns: str, title: str | None = None) -> PlainTable:
    """A table that folds cells that are too long."""
    table = PlainTable(title=title, show_header=bool(columns), title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
