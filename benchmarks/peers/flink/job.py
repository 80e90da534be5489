"""Runs in PyFlink's own environment: ``job.py run.json``."""

import json
import sys
from pathlib import Path

from pyflink.table import EnvironmentSettings, TableEnvironment

_COLUMNS = "paciente_sensor_id INT NOT NULL, componente STRING NOT NULL, created_at TIMESTAMP(3) NOT NULL, valor DOUBLE NOT NULL"


def main() -> None:
    """Runs until it is stopped."""
    run = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    table = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for name, value in {
        "pipeline.jars": run["jars"],
        "parallelism.default": run["parallelism"],
        "execution.checkpointing.interval": f"{run['checkpoint_ms']} ms",
        # the upsert makes a repeated row harmless
        "execution.checkpointing.mode": "AT_LEAST_ONCE",
        "execution.checkpointing.unaligned.enabled": "false",
        "execution.buffer-timeout.interval": f"{run['buffer_ms']} ms",
        "execution.checkpointing.storage": "filesystem",
        "execution.checkpointing.dir": (Path(run["folder"]) / "checkpoints").as_uri(),
        # one object per operator instead of a copy per record
        "pipeline.object-reuse": "true",
        "table.local-time-zone": "UTC",
    }.items():
        table.get_config().set(name, str(value))
    table.execute_sql(f"""
        CREATE TABLE readings ({_COLUMNS}) WITH (
            'connector' = 'kafka', 'topic' = '{run["topic"]}',
            'properties.bootstrap.servers' = '{run["bootstrap_servers"]}',
            'properties.group.id' = '{run["group"]}',
            'properties.max.poll.records' = '{run["buffered_rows"]}',
            'scan.startup.mode' = 'earliest-offset', 'format' = 'avro'
        )""")
    table.execute_sql(f"""
        CREATE TABLE registro (
            {_COLUMNS}, PRIMARY KEY (paciente_sensor_id, componente, created_at) NOT ENFORCED
        ) WITH (
            'connector' = 'jdbc', 'table-name' = 'registro',
            'url' = 'jdbc:mysql://{run["host"]}:{run["port"]}/{run["database"]}?rewriteBatchedStatements=true',
            'username' = '{run["user"]}', 'password' = '{run["password"]}',
            'sink.buffer-flush.max-rows' = '{run["buffered_rows"]}',
            'sink.buffer-flush.interval' = '{run["flush_ms"]} ms'
        )""")
    table.execute_sql("INSERT INTO registro SELECT * FROM readings").wait()


if __name__ == "__main__":
    main()
