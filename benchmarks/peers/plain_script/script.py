"""``script.py run.json``: Kafka to MySQL by hand."""

import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import fastavro
import mysql.connector
import numpy as np
import pyarrow as pa
import pyarrow.csv
from confluent_kafka import Consumer, KafkaException, Message

_FRAME_BYTES = 10  # mark and fingerprint of the single-object encoding
_COMPONENTS = ["valor", "sistolica", "diastolica", "x", "y", "z"]  # in the ENUM's order
_LOCK_TROUBLE = (1205, 1213)  # lock wait timeout, deadlock: the same load may succeed next time
_MAPPINGS = (
    "SELECT p.identificador, s.codigo, ps.id FROM paciente_sensor ps"
    " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id = ps.sensor_id"
)


class Script:
    """Reads messages until there are enough rows, loads them, commits their offsets."""

    def __init__(self, run: dict[str, Any]) -> None:
        """Connects, and reads the mappings."""
        self._run = run
        # without the logical types, times stay the numbers that they are on the wire
        plain = json.loads(run["schema"], object_hook=_without_logical_type)
        self._schema = fastavro.parse_schema(plain)
        self._file = Path("/dev/shm" if Path("/dev/shm").is_dir() else run["folder"])  # noqa: S108 - a name of its own, and deleted at the end
        self._file /= f"plain-script-{os.getpid()}.csv"
        self._database = mysql.connector.connect(
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
            # without gap locks two of these processes seldom wait for each other
            init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            allow_local_infile_in_path=str(self._file.parent),
        )
        cursor: Any = self._database.cursor()
        cursor.execute(_MAPPINGS)
        self._mapping_ids = {(patient, sensor): number for patient, sensor, number in cursor}
        self._database.rollback()
        self._consumer = Consumer(
            {
                "bootstrap.servers": run["bootstrap_servers"],
                "group.id": run["group"],
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "partition.assignment.strategy": "range",
            }
        )
        self._is_asked_to_end = False

    def run(self) -> None:
        """Runs until SIGTERM; what is not committed by then is read again by the next one."""
        signal.signal(signal.SIGTERM, self._end)
        self._consumer.subscribe([self._run["topic"]])
        try:
            while not self._is_asked_to_end:
                self._load_next()
        finally:
            self._consumer.close()
            self._file.unlink(missing_ok=True)

    def _load_next(self) -> None:
        series: list[tuple[int, int, int, int]] = []
        values: list[list[float]] = []
        rows = 0
        while rows < self._run["rows"]:
            messages = self._consumer.consume(200, timeout=0.2)
            for message in messages:
                rows += self._decode(message, series, values)
            if not messages:
                break
        if rows:
            self._load(_table(series, values))
            self._consumer.commit(asynchronous=False)

    def _decode(
        self, message: Message, series: list[tuple[int, int, int, int]], values: list[list[float]]
    ) -> int:
        if message.error():
            raise KafkaException(message.error())
        body = io.BytesIO(message.value() or b"")
        body.seek(_FRAME_BYTES)
        batch: Any = fastavro.schemaless_reader(body, self._schema)
        patient_id, rows = batch["patient_id"], 0
        for one_series in batch["series"]:
            series.append(
                (
                    self._mapping_ids[patient_id, one_series["sensor"]],
                    _COMPONENTS.index(one_series["component"] or "valor"),
                    one_series["start"],
                    one_series["interval_ms"],
                )
            )
            values.append(one_series["values"])
            rows += len(one_series["values"])
        return rows

    def _load(self, table: pa.Table) -> None:
        pa.csv.write_csv(table, self._file, pa.csv.WriteOptions(include_header=False))
        while True:
            try:
                self._database.cursor().execute(
                    f"LOAD DATA LOCAL INFILE '{self._file}' REPLACE INTO TABLE registro"
                    " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'"
                    " (paciente_sensor_id, componente, created_at, valor)"
                )
                self._database.commit()
            except mysql.connector.Error as error:
                if error.errno not in _LOCK_TROUBLE:
                    raise
                self._database.rollback()
            else:
                return

    def _end(self, *_: object) -> None:
        self._is_asked_to_end = True


def _without_logical_type(node: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name != "logicalType"}


def _table(series: list[tuple[int, int, int, int]], values: list[list[float]]) -> pa.Table:
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    position = np.arange(len(first)) - first
    mapping_id, component, start, interval = np.repeat(np.array(series), lengths, axis=0).T
    moment = start + position * interval
    # in the order of the clustered key the server splits no page twice
    order = np.lexsort((moment, component, mapping_id))
    names = pa.DictionaryArray.from_arrays(pa.array(component[order].astype(np.int8)), _COMPONENTS)
    return pa.table(
        {
            "paciente_sensor_id": mapping_id[order],
            "componente": names.cast(pa.string()),
            "created_at": pa.array(moment[order]).cast(pa.timestamp("ms")),
            "valor": np.concatenate(values)[order],
        }
    )


if __name__ == "__main__":
    Script(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))).run()
