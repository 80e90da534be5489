"""Resends whole messages from the quarantine with their own bytes, key and headers."""

from collections.abc import Iterable

from common.settings import KafkaSettings
from db.write.quarantine import headers_of
from ops.quarantine.batches import Resend
from producer.delivery.publisher import DeliveryError, Publisher, Report
from schemas.batch import SensorBatch


class OriginalsPublisher(Publisher):
    """Sends batches as ``Publisher`` does, and whole messages just as they came."""

    def __init__(self, settings: KafkaSettings, resends: Iterable[Resend]) -> None:
        """If several originals in ``resends`` have the same batch id, the first one counts."""
        super().__init__(settings)
        self.delivered: dict[str, tuple[int, int]] = {}
        """Partition and offset where the originals are now, by batch id."""
        self._originals: dict[str, Resend] = {}
        for resend in resends:
            if resend.original is not None:
                self._originals.setdefault(resend.batch.batch_id, resend)

    def offer(
        self, batch: SensorBatch, on_report: Report, *, first_taken_ms: int | None = None
    ) -> bool:
        """As in ``Publisher``."""
        resend = self._originals.get(batch.batch_id)
        if resend is None or (entry := resend.original) is None:
            return super().offer(batch, on_report, first_taken_ms=first_taken_ms)

        def report(error: DeliveryError | None, place: tuple[int, int]) -> None:
            if error is None:
                self.delivered[batch.batch_id] = place
            on_report(error)

        return self.queue(entry.key, entry.body or b"", headers_of(entry.headers), report)
