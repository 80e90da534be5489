"""Runs in Quix Streams' own environment: ``application.py run.json``."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mysql.connector
from quixstreams import Application
from quixstreams.sinks import BatchingSink, SinkBatch

# the driver's executemany turns this form of upsert, and no other, into one multi-row statement
_UPSERT = (
    "INSERT INTO registro (paciente_sensor_id, componente, created_at, valor)"
    " VALUES (%s, %s, %s, %s) ON DUPLICATE KEY UPDATE valor = VALUES(valor)"
)


class RegistroSink(BatchingSink):
    """Writes what was collected since the last checkpoint, in one transaction per partition."""

    def __init__(self, run: dict[str, Any]) -> None:
        """Connects in `setup`."""
        super().__init__()
        self._run = run
        self._connection: Any = None

    def setup(self) -> None:
        """Opens the one connection."""
        run = self._run
        self._connection = mysql.connector.connect(
            host=run["host"],
            port=run["port"],
            user=run["user"],
            password=run["password"],
            database=run["database"],
            charset="utf8mb4",
            collation="utf8mb4_unicode_520_ci",
            time_zone="+00:00",
            ssl_ca=run["ssl_ca"],
            ssl_verify_cert=True,
        )

    def write(self, batch: SinkBatch) -> None:
        """After an exception Quix Streams keeps the offsets: the batch comes again."""
        cursor = self._connection.cursor()
        for chunk in batch.iter_chunks(n=self._run["rows"]):
            cursor.executemany(_UPSERT, [_row(item.value) for item in chunk])
        self._connection.commit()


def _row(reading: dict[str, Any]) -> tuple[Any, ...]:
    moment = datetime.fromtimestamp(reading["created_at"] / 1000, UTC).replace(tzinfo=None)
    return (reading["paciente_sensor_id"], reading["componente"], moment, reading["valor"])


def main() -> None:
    """Runs until it is stopped."""
    run = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    application = Application(
        broker_address=run["bootstrap_servers"],
        consumer_group=run["group"],
        auto_offset_reset="earliest",
        commit_every=run["commit_every"],
        commit_interval=run["commit_interval"],
        state_dir=Path(run["folder"]) / "state",
    )
    topic = application.topic(run["topic"], key_deserializer="bytes", value_deserializer="json")
    application.dataframe(topic).sink(RegistroSink(run))
    application.run()


if __name__ == "__main__":
    main()
