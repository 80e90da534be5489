"""Offsets that hold no message for us: transaction marks, aborted messages, what was compacted away.

They are in no range. The driver moves the ledger past them, or the lag would never reach 0
(docs/decisions/0025).
"""

import json
from collections.abc import Mapping
from pathlib import Path

from common.settings import DatabaseSettings
from consumer.database_retry import retried
from db.connection import KeptConnection
from db.ledger import pass_over


class PassedOffsets:
    """Moves the ledger to the ends of micro-batches; one for each query."""

    def __init__(self, settings: DatabaseSettings, topic: str, checkpoint: Path) -> None:
        """``checkpoint``: the query's."""
        self._topic, self._checkpoint = topic, checkpoint
        # opened where a micro-batch ends with such offsets; most pipelines never see one
        self._connection = KeptConnection(settings)

    def move(
        self, batch: int, committed: Mapping[int, int], until: Mapping[int, int]
    ) -> dict[int, int]:
        """Returns where the partitions of a micro-batch end, once the ledger is there.

        ``committed``: up to where its messages are; the ledger moves only from there, and stays if it
        is behind, as after a failover. ``until``: where it has to stop. Transient database errors are
        retried.
        """
        # Spark writes it before it begins the batch: a version, metadata, a line for each source
        text = (self._checkpoint / "offsets" / str(batch)).read_text()
        found = json.loads(text.splitlines()[-1])[self._topic]
        ends = {int(partition): int(end) for partition, end in found.items()}
        ends = {partition: min(end, until.get(partition, end)) for partition, end in ends.items()}
        for partition, end in ends.items():
            if (first := committed.get(partition, end)) < end:
                self._pass_over(partition, range(first, end))
        return ends

    @retried
    def _pass_over(self, partition: int, offsets: range) -> None:
        try:
            pass_over(self._connection.get(), self._topic, partition, offsets)
        except BaseException:
            self._connection.close()
            raise
