"""What the storm itself sends into the pipeline, so that the verdict knows what must become of it."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, Message, Producer

from common.errors import UnavailableError
from common.settings import KafkaSettings
from schemas.batch import SensorBatch
from schemas.wire.codec import MAX_MESSAGE_BYTES, Headers, default_codec
from schemas.wire.versions import versions

_FLUSH_SECONDS = 90
_DELIVERY_MS = 600_000
# empty texts and times, then the block count of an array that claims half a billion items
_ABSURD_COUNT = bytes(5) + bytes.fromhex("80a8d6b907")


@dataclass(frozen=True)
class Poison:
    """An unreadable message, as it was acknowledged."""

    partition: int
    offset: int
    key: bytes
    body: bytes
    headers: Headers


@dataclass
class Injected:
    """Messages of the storm; everything in ``poison`` was acknowledged."""

    kafka: KafkaSettings
    poison: list[Poison] = field(default_factory=list)
    _failed: list[KafkaError] = field(default_factory=list)
    _producer: Producer | None = None
    _count: int = 0

    def send_poison(self, draw: random.Random, batch: SensorBatch) -> None:
        """Queues one message of each unreadable kind, made from ``batch``."""
        for kind, body in _unreadable(draw, batch).items():
            self._count += 1
            key = f"poison-{self._count}".encode()
            headers: Headers = [("kind", kind.encode()), ("number", str(self._count).encode())]
            self._client().produce(
                self.kafka.kafka_topic,
                body,
                key,
                headers=list(headers),
                on_delivery=self._reporter(key, body, headers),
            )
        self.poll()

    def send_again(self, batch: SensorBatch) -> None:
        """Publishes a batch once more: it must have no effect."""
        codec = default_codec()
        self._client().produce(
            self.kafka.kafka_topic,
            codec.encode(batch),
            batch.patient_id.encode(),
            headers=list(codec.headers(batch)),
        )
        self.poll()

    def poll(self) -> None:
        """Handles delivery reports; call it now and then."""
        self._client().poll(0)

    def finish(self) -> None:
        """Returns when everything is acknowledged. Raises UnavailableError if it is not."""
        left = self._client().flush(_FLUSH_SECONDS)
        if left or self._failed:
            raise UnavailableError(
                f"{left + len(self._failed)} messages of the storm itself were not delivered",
                hint="check that the broker is running; this run proves nothing and must be repeated",
            )

    def _reporter(
        self, key: bytes, body: bytes, headers: Headers
    ) -> Callable[[KafkaError | None, Message], None]:
        def report(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._failed.append(error)
                return
            place = (message.partition(), message.offset())
            self.poison.append(Poison(place[0] or 0, place[1] or 0, key, body, headers))

        return report

    def _client(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(
                {
                    "bootstrap.servers": self.kafka.kafka_bootstrap_servers,
                    "partitioner": "murmur2_random",
                    # each exactly once, even if connections are cut
                    "enable.idempotence": True,
                    "delivery.timeout.ms": _DELIVERY_MS,
                    "message.max.bytes": 2 * MAX_MESSAGE_BYTES,
                    "log_level": 0,
                }
            )
        return self._producer


def _unreadable(draw: random.Random, batch: SensorBatch) -> dict[str, bytes]:
    good = default_codec().encode(batch)
    header = versions()[-1].header
    return {
        "empty": b"",
        "garbage": draw.randbytes(draw.randint(1, 400)),
        "json": json.dumps({"patient_id": batch.patient_id}).encode(),
        "confluent": b"\x00\x00\x00\x00\x07" + good[len(header) :],
        "cut": good[: draw.randint(1, len(good) - 1)],
        "longer": good + draw.randbytes(draw.randint(1, 9)),
        "unknown-schema": header[:2] + draw.randbytes(len(header) - 2) + good[len(header) :],
        "absurd-count": header + _ABSURD_COUNT,
        "too-large": header + bytes(MAX_MESSAGE_BYTES),
    }
