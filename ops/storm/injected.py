"""What the storm itself sends into the pipeline, so that the verdict knows what must become of it."""

import json
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from common.broker.clients import producer
from common.broker.faults import reported
from common.broker.limits import MAX_COPY_BYTES, MAX_MESSAGE_BYTES
from common.broker.sender import Sender
from common.broker.topics import set_topic_options
from common.errors import UnavailableError
from common.settings import KafkaSettings
from ops.storm.forged import forged_messages, with_values
from schemas.batch import SensorBatch
from schemas.wire.codec import Headers, default_codec
from schemas.wire.signature import Header, Signer
from schemas.wire.versions import versions

_FLUSH_SECONDS = 90
_RELIABLE = {
    # each exactly once, even if connections are cut
    "enable.idempotence": True,
    "delivery.timeout.ms": 600_000,
}
_BOMB_BYTES = 300_000_000
_KEPT_BYTES = 4_096
_TRANSACTION_SECONDS = 8
_TRANSACTIONAL = {"transactional.id": "another-hospital", "transaction.timeout.ms": 15_000}
# empty texts and times, then the block count of an array that claims half a billion items
_ABSURD_COUNT = bytes(5) + bytes.fromhex("80a8d6b907")


@dataclass(frozen=True)
class Poison:
    """A message that must be refused, as quarantine must keep it: of a large body, the beginning."""

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
    _count: int = 0

    def send_poison(self, draw: random.Random, batch: SensorBatch) -> None:
        """Queues one message of each unreadable kind, made from ``batch``."""
        for kind, body in _unreadable(draw, batch).items():
            self._count += 1
            key = f"poison-{self._count}".encode()
            headers: Headers = [("kind", kind.encode()), ("number", str(self._count).encode())]
            self._send_poison(key, body, headers)
        self.poll()

    def send_forged(
        self, draw: random.Random, committed: Sequence[SensorBatch], coming: Sequence[SensorBatch]
    ) -> None:
        """Queues what somebody without a key sends: see `ops.storm.forged`."""
        for message in forged_messages(draw, committed, coming, self._signer):
            self._send_poison(*message)
        self.poll()

    def send_again(self, batch: SensorBatch) -> Callable[[], bool]:
        """Publishes a batch once more: it must have no effect. Returns whether it is delivered."""
        places: list[tuple[int, int]] = []
        self._sender.send(
            self.kafka.kafka_topic, *self._signed(batch), lambda *place: places.append(place)
        )
        self.poll()
        return lambda: bool(places)

    def transact(self, batches: Sequence[SensorBatch]) -> None:
        """Publishes batches in a transaction, and others in one that is aborted.

        The former are in the archive: sent once more, they have no effect. The latter have readings
        that nobody made: they may be nowhere. Raises UnavailableError if the broker is away; an open
        transaction is then aborted by the broker.
        """
        sender = producer(self.kafka, _TRANSACTIONAL)
        invented = [with_values(batch, 41.0, uuid.uuid4()) for batch in batches]
        with reported("send a transaction", self.kafka):
            sender.init_transactions(_TRANSACTION_SECONDS)
            for made, end in (
                (batches, sender.commit_transaction),
                (invented, sender.abort_transaction),
            ):
                sender.begin_transaction()
                for batch in made:
                    key, body, signed = self._signed(batch)
                    headers = dict[str, str | bytes | None](signed)
                    sender.produce(self.kafka.kafka_topic, body, key, headers=headers)
                sender.flush(_TRANSACTION_SECONDS)
                end(_TRANSACTION_SECONDS)

    def poll(self) -> None:
        """Handles delivery reports; call it now and then."""
        self._sender.poll()
        self._bomber.poll()

    def send_bomb(self) -> None:
        """Queues a message of 10 kB that expands to 300 MB, and lets the topic take it.

        Raises UnavailableError if the broker does not answer.
        """
        limit = {"max.decompressed.message.bytes": "2147483639"}
        set_topic_options(self.kafka, self.kafka.kafka_topic, limit)
        self._count += 1
        key, headers = f"bomb-{self._count}".encode(), [("kind", b"bomb")]
        # not the body itself, which would be kept with the delivery report
        kept = bytes(_KEPT_BYTES)
        on_placed = partial(self._note_poison, key=key, body=kept, headers=headers)
        self._bomber.send(self.kafka.kafka_topic, key, bytes(_BOMB_BYTES), headers, on_placed)

    def finish(self) -> None:
        """Returns when everything is acknowledged. Raises UnavailableError if it is not."""
        if failed := [*self._sender.flush(_FLUSH_SECONDS), *self._bomber.flush(_FLUSH_SECONDS)]:
            raise UnavailableError(
                f"{len(failed)} messages of the storm itself were not delivered",
                hint="check that the broker is running; this run proves nothing and must be repeated",
            )

    def _send_poison(self, key: bytes, body: bytes, headers: Headers) -> None:
        on_placed = partial(self._note_poison, key=key, body=body, headers=headers)
        self._sender.send(self.kafka.kafka_topic, key, body, headers, on_placed)

    def _note_poison(
        self, partition: int, offset: int, *, key: bytes, body: bytes, headers: Headers
    ) -> None:
        kept = body if len(body) <= MAX_MESSAGE_BYTES else body[:_KEPT_BYTES]
        self.poison.append(Poison(partition, offset, key, kept, headers))

    def _signed(self, batch: SensorBatch) -> tuple[bytes, bytes, Sequence[Header]]:
        """Key, body and headers, as a producer of ours sends them."""
        key, body = batch.patient_id.encode(), default_codec().encode(batch)
        return key, body, self._signer.signed(key, body, default_codec().headers(batch))

    @cached_property
    def _signer(self) -> Signer:
        return Signer(self.kafka.batch_key_path)

    @cached_property
    def _sender(self) -> Sender:
        return Sender(self.kafka, {**_RELIABLE, "message.max.bytes": MAX_COPY_BYTES})

    @cached_property
    def _bomber(self) -> Sender:
        unbounded = {"compression.type": "zstd", "message.max.bytes": 1_000_000_000}
        return Sender(self.kafka, {**_RELIABLE, **unbounded})


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
