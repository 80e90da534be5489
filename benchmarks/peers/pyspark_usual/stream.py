"""``stream.py run.json``: the usual structured streaming job into a table."""

import itertools
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import mysql.connector
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - its usual name
from pyspark.sql.avro.functions import from_avro

_UPSERT = (
    "INSERT INTO registro (paciente_sensor_id, componente, created_at, valor)"
    " VALUES (%s, %s, %s, %s) ON DUPLICATE KEY UPDATE valor = VALUES(valor)"
)
_MAPPINGS = (
    "SELECT p.identificador, s.codigo, ps.id FROM paciente_sensor ps"
    " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id = ps.sensor_id"
)


def connect(run: dict[str, Any]) -> Any:
    """A connection in UTC."""
    return mysql.connector.connect(
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


def write_partition(run: dict[str, Any], rows: Iterator[Row]) -> None:
    """Upserts the rows of one task in one transaction."""
    connection = connect(run)
    cursor = connection.cursor()
    while chunk := list(itertools.islice(rows, run["rows"])):
        cursor.executemany(_UPSERT, [tuple(row) for row in chunk])
    connection.commit()
    connection.close()


def readings(messages: DataFrame, mappings: DataFrame, schema: str) -> DataFrame:
    """One row per reading, as in ``registro``; ``messages`` are in single-object encoding."""
    body = F.expr("substring(value, 11)")  # after the marker and the schema's fingerprint
    batches = messages.select(from_avro(body, schema).alias("batch"))
    series = batches.select("batch.patient_id", F.explode("batch.series").alias("series"))
    values = series.select(
        "patient_id",
        "series.sensor",
        F.coalesce("series.component", F.lit("valor")).alias("componente"),
        F.unix_millis("series.start").alias("start"),
        "series.interval_ms",
        F.posexplode("series.values").alias("position", "valor"),
    )
    moment = F.timestamp_millis(F.col("start") + F.col("position") * F.col("interval_ms"))
    return values.join(F.broadcast(mappings), on=["patient_id", "sensor"], how="inner").select(
        "paciente_sensor_id", "componente", moment.alias("created_at"), "valor"
    )


def main() -> None:
    """Runs until it is stopped."""
    run = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    spark = (
        SparkSession.builder.master("local[*]")
        .config("spark.jars", run["jars"])
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", run["partitions"])
        .config("spark.driver.memory", "2g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.warehouse.dir", f"{run['folder']}/warehouse")
        .getOrCreate()
    )
    with connect(run) as connection:
        cursor = connection.cursor()
        cursor.execute(_MAPPINGS)
        mappings = spark.createDataFrame(
            cursor.fetchall(), "patient_id string, sensor string, paciente_sensor_id int"
        ).cache()
    messages = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", run["bootstrap_servers"])
        .option("subscribe", run["topic"])
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", run["messages_a_batch"])
        .load()
    )
    write = partial(write_partition, run)
    query = (
        readings(messages, mappings, run["schema"])
        .writeStream.foreachBatch(lambda batch, _: batch.foreachPartition(write))
        .option("checkpointLocation", f"{run['folder']}/checkpoint")
        .start()
    )
    query.awaitTermination()


if __name__ == "__main__":
    main()
