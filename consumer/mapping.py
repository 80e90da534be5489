"""The broadcast that says which sensor row of which patient a reading belongs to."""

import time
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pyarrow as pa
import structlog
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from common.settings import DatabaseSettings
from consumer.database_retry import retried
from db.connection import Connection, KeptConnection
from db.mapping import mapping_version, read_mappings

_FULL_READ_SECONDS = 60.0
_PERIOD = pa.struct([("mapping_id", pa.int32()), ("from_ms", pa.int64()), ("until_ms", pa.int64())])
MAPPING_SCHEMA = pa.schema(
    [("mapped_patient", pa.string()), ("mapped_code", pa.string()), ("periods", pa.list_(_PERIOD))]
)

_log = structlog.get_logger()


class MappingBroadcast:
    """The mappings as a small DataFrame, read again when they change.

    One row a patient and sensor with its active periods, so that the join never multiplies rows.
    A change is seen at the next micro-batch; a deleted row within a minute.
    """

    def __init__(self, spark: SparkSession, settings: DatabaseSettings) -> None:
        """Reads nothing yet."""
        self._spark = spark
        # kept from batch to batch: with TLS a new one costs as much as a small batch
        self._connection = KeptConnection(settings)
        self._frame: DataFrame | None = None
        self._version: tuple[Any, ...] = ()
        self._read_at = 0.0

    @retried
    def current(self) -> DataFrame:
        """The DataFrame of ``mapped_patient, mapped_code, periods`` as of now.

        Transient database errors are tried again for as long as it takes: the batch is held.
        """
        try:
            return self._look(self._connection.get())
        except BaseException:
            self._connection.close()
            raise

    def _look(self, connection: Connection) -> DataFrame:
        version = mapping_version(connection)
        is_old = time.monotonic() - self._read_at > _FULL_READ_SECONDS
        if self._frame is None or is_old or version != self._version:
            rows = list(_rows(connection))
            self._frame = self._spark.createDataFrame(pa.Table.from_pylist(rows, MAPPING_SCHEMA))
            self._version, self._read_at = version, time.monotonic()
            _log.info("mapping_read", patient_sensors=len(rows))
        # ends the transaction, so that the next look sees what others wrote
        connection.rollback()
        return self._frame


def _rows(connection: Any) -> Iterator[dict[str, Any]]:
    for (patient_id, sensor), group in groupby(
        read_mappings(connection), lambda each: (each.patient_id, each.sensor)
    ):
        periods = [
            {"mapping_id": each.mapping_id, "from_ms": each.from_ms, "until_ms": each.until_ms}
            for each in group
        ]
        yield {"mapped_patient": patient_id, "mapped_code": sensor, "periods": periods}


def with_mapping_id(readings: DataFrame, mapping: DataFrame) -> DataFrame:
    """Adds ``mapping_id``: the ``paciente_sensor`` row that is active at the reading's time."""
    keys = (F.col("patient_id") == F.col("mapped_patient")) & (
        F.col("sensor") == F.col("mapped_code")
    )
    first = F.col("periods")[0]
    several = F.filter("periods", _is_active)
    mapping_id = (
        # nearly every sensor has one period: spare these readings the search
        F.when(F.size("periods") == 1, F.when(_is_active(first), first["mapping_id"])).otherwise(
            F.get(several, F.lit(0))["mapping_id"]
        )
    )
    joined = readings.join(F.broadcast(mapping), keys, how="left")
    return joined.select(*readings.columns, mapping_id.alias("mapping_id"))


def _is_active(period: Column) -> Column:
    return (F.col("event_ms") >= period["from_ms"]) & (F.col("event_ms") < period["until_ms"])
