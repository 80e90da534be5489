"""Which sensor row of which patient a reading belongs to, as the workers know it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pyspark import Broadcast
from pyspark.sql import SparkSession

from common.collector import spare_what_is_loaded
from common.settings import DatabaseSettings
from consumer.database_retry import retried
from db.connection import Connection, KeptConnection
from db.mapping import (
    Period,
    Wearer,
    mapping_checksum,
    mapping_version,
    periods_by_wearer,
    read_mappings,
)

_CHECKSUM_SECONDS = 60.0
Mappings = Mapping[Wearer, Sequence[Period]]

_log = structlog.get_logger()


@dataclass(frozen=True)
class SharedMappings:
    """The mappings on their way to the workers; ``number`` tells one state from the next."""

    number: int
    broadcast: Broadcast[Mappings]

    def get(self) -> Mappings:
        """In a worker: what was shared, read once for all of its tasks."""
        if _received.get("number") != self.number:
            # Spark unpickles a broadcast anew in every task
            _received.update(number=self.number, mappings=self.broadcast.value)
            # Spark's worker collects garbage after every task, and would look at each entry each time
            spare_what_is_loaded()
        mappings: Mappings = _received["mappings"]
        return mappings


_received: dict[str, Any] = {}


class MappingBroadcast:
    """The mappings, read again when they change; each worker gets them once.

    A change is seen at the next micro-batch; a deleted row within a minute.
    """

    def __init__(self, spark: SparkSession, settings: DatabaseSettings) -> None:
        """Reads nothing yet."""
        self._spark = spark
        # kept from batch to batch: with TLS a new one costs as much as a small batch
        self._connection = KeptConnection(settings)
        self._shared: SharedMappings | None = None
        self._mappings: Mappings = {}
        self._version: tuple[Any, ...] = ()
        self._checksum: tuple[Any, ...] = ()
        self._checked_at = 0.0

    @retried
    def current(self) -> SharedMappings:
        """The mappings as of now, for the workers.

        Transient database errors are tried again for as long as it takes: the batch is held.
        """
        try:
            return self._look(self._connection.get())
        except BaseException:
            self._connection.close()
            raise

    def _look(self, connection: Connection) -> SharedMappings:
        version, checksum, shared = mapping_version(connection), self._checksum, self._shared
        if time.monotonic() - self._checked_at > _CHECKSUM_SECONDS:
            checksum, self._checked_at = mapping_checksum(connection), time.monotonic()
        # a full read takes seconds where there are many patients, and the readings wait for it
        if shared is None or (version, checksum) != (self._version, self._checksum):
            shared = self._share(periods_by_wearer(read_mappings(connection)))
            self._version, self._checksum = version, checksum
        # ends the transaction, so that the next look sees what others wrote
        connection.rollback()
        return shared

    def _share(self, mappings: Mappings) -> SharedMappings:
        former = self._shared
        if former is not None and mappings == self._mappings:
            return former
        number = former.number + 1 if former else 0
        self._shared = SharedMappings(number, self._spark.sparkContext.broadcast(mappings))
        self._mappings = mappings
        if former is not None:
            # one micro-batch runs at a time, and this is between two of them
            former.broadcast.destroy()
        _log.info("mapping_read", patient_sensors=len(mappings))
        return self._shared
