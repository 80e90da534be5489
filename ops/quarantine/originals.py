"""Whole messages of the quarantine on their way back: with their own bytes, key and headers."""

from collections.abc import Iterable

from confluent_kafka import KafkaError, Message

from db.write.quarantine import headers_of
from ops.quarantine.batches import Resend
from producer.delivery.publisher import Publisher, Report
from schemas.batch import SensorBatch


class OriginalsPublisher(Publisher):
    """Sends batches as ever, but those that came as a message of their own just as they came."""

    originals: dict[str, Resend]
    """By batch id."""
    delivered: dict[str, tuple[int, int]]
    """Where these lie now: partition and offset."""

    def carry(self, resends: Iterable[Resend]) -> None:
        """Forgets the messages of before and knows these; of one batch id the first counts."""
        self.originals, self.delivered = {}, {}
        for each in resends:
            if each.original is not None:
                self.originals.setdefault(each.batch.batch_id, each)

    def offer(
        self, batch: SensorBatch, on_report: Report, *, first_taken_ms: int | None = None
    ) -> bool:
        """As in ``Publisher``."""
        resend = self.originals.get(batch.batch_id)
        if resend is None or (entry := resend.original) is None:
            return super().offer(batch, on_report, first_taken_ms=first_taken_ms)

        def report(error: KafkaError | None, message: Message) -> None:
            partition, offset = message.partition(), message.offset()
            if error is None and partition is not None and offset is not None:
                self.delivered[batch.batch_id] = (partition, offset)
            on_report(error)

        return self.queue(entry.key, entry.body or b"", headers_of(entry.headers), report)
