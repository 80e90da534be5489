"""The ceiling: how fast the server stores the same rows when nothing else has to be done.

The rows are written to CSV files in advance, in the order of the primary key. Then one connection, or
two at once with half of the keys each, load the files with LOAD DATA, with one commit per file.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow.csv

from benchmarks.readings import Rows
from benchmarks.stack import BenchmarkStack
from ops.stack import ChildProcess

ROWS_A_FILE = 250_000


class Ceiling:
    """Processes that only load files."""

    def __init__(self, stack: BenchmarkStack, name: str, shares: Sequence[Sequence[Path]]) -> None:
        """``shares``: the files of each connection."""
        self.name = name
        self._stack = stack
        self._shares = shares
        self._runs = 0

    def start(self) -> list[ChildProcess]:
        """Starts one process per connection."""
        self._runs += 1
        children = [
            ChildProcess(
                f"loader-{number}",
                [sys.executable, "-m", "benchmarks.load_files", *map(str, files)],
                self._stack.folder / "logs" / f"{self.name}-{self._runs}-{number}.log",
                environment=self._stack.environment,
            )
            for number, files in enumerate(self._shares)
        ]
        for child in children:
            child.start()
        return children

    def complaint(self) -> str:
        """Always empty: the error of a loader says it all."""
        return ""


def write_files(rows: Rows, folder: Path, connections: int) -> list[list[Path]]:
    """Files of the rows by primary key, a contiguous share of the keys for each connection."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = rows.by_key()
    size = -(-len(ordered) // connections)
    shares = []
    for share in range(connections):
        mine = ordered.part(slice(share * size, (share + 1) * size))
        files = []
        for start in range(0, len(mine), ROWS_A_FILE):
            path = folder / f"{connections}-{share}-{start:09}.csv"
            table = mine.part(slice(start, start + ROWS_A_FILE)).table()
            pyarrow.csv.write_csv(table, path, pyarrow.csv.WriteOptions(include_header=False))
            files.append(path)
        shares.append(files)
    return shares
