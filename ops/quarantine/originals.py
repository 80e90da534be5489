"""Resends entries: whole messages with their own bytes, key and headers, and how old all of them are."""

from collections.abc import Iterable
from dataclasses import replace

from common.settings import KafkaSettings
from db.write.quarantine import headers_of
from ops.quarantine.batches import Resend
from producer.delivery.publisher import DeliveryError, Publisher, Report
from schemas.batch import SensorBatch
from schemas.wire.codec import FRESH, Age


class OriginalsPublisher(Publisher):
    """Sends batches as ``Publisher`` does, and whole messages just as they came."""

    def __init__(self, settings: KafkaSettings, resends: Iterable[Resend]) -> None:
        """If several originals in ``resends`` have the same batch id, the first one counts."""
        super().__init__(settings)
        self.delivered: dict[str, tuple[int, int]] = {}
        """Partition and offset where the originals are now, by batch id."""
        self._originals: dict[str, Resend] = {}
        self._known_ms: dict[str, int] = {}
        for resend in resends:
            if resend.known_ms is not None:
                self._known_ms[resend.batch.batch_id] = resend.known_ms
            if resend.original is not None:
                self._originals.setdefault(resend.batch.batch_id, resend)

    def offer(self, batch: SensorBatch, on_report: Report, age: Age = FRESH) -> bool:
        """As in ``Publisher``; a resend says since when its readings are known, late or not."""
        resend = self._originals.get(batch.batch_id)
        age = replace(age, known_ms=self._known_ms.get(batch.batch_id, age.known_ms))
        if resend is None or (entry := resend.original) is None:
            return super().offer(batch, on_report, age)

        def report(error: DeliveryError | None, place: tuple[int, int]) -> None:
            if error is None:
                self.delivered[batch.batch_id] = place
            on_report(error)

        own = headers_of(entry.headers)
        said = {name for name, _ in own}
        # what it says of its age counts; twice, it would be taken for forged
        headers = [*own, *(header for header in age.headers() if header[0] not in said)]
        return self.queue(entry.key, entry.body or b"", headers, report)
