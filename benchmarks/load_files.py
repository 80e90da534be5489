"""``python -m benchmarks.load_files FILE...``: one connection, LOAD DATA, one commit per file."""

import sys
from collections.abc import Sequence
from pathlib import Path

from common.settings import DatabaseSettings, load
from db.connection import connect, transaction


def load_files(database: DatabaseSettings, files: Sequence[Path]) -> None:
    """Loads prebuilt CSV files into ``registro`` in order; all must be in one folder."""
    with connect(database, local_infile_folder=files[0].parent) as connection:
        for file in files:
            with transaction(connection):
                connection.cursor().execute(
                    f"LOAD DATA LOCAL INFILE '{file.as_posix()}' REPLACE INTO TABLE registro"
                    " CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'"
                    " ESCAPED BY '' LINES TERMINATED BY '\\n'"
                    " (paciente_sensor_id, componente, created_at, valor)"
                )


if __name__ == "__main__":
    load_files(load(DatabaseSettings), [Path(path) for path in sys.argv[1:]])
