"""Messages of somebody who may write to the topic and has no key: none of them may count."""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace

from schemas.batch import SensorBatch
from schemas.wire.codec import Headers, default_codec
from schemas.wire.signature import SIGNATURE, SIGNED_BY, Signer, mac

Message = tuple[bytes, bytes, Headers]
"""Key, body and headers. None has the header ``batch-id``: by it the verdict knows what is ours."""


def forged_messages(
    draw: random.Random,
    committed: Sequence[SensorBatch],
    coming: Sequence[SensorBatch],
    signer: Signer,
) -> Iterator[Message]:
    """Other values for ``committed`` batches, and empty ones under the ids of ``coming`` ones."""
    encode = default_codec().encode
    true, other = draw.sample(list(committed), 2)
    key, body = true.patient_id.encode(), encode(true)
    ours = dict(signer.signed(key, body, []))
    invented = encode(with_values(true, 60.0, uuid.UUID(int=draw.getrandbits(128))))
    secret = draw.randbytes(32)
    forged = {SIGNATURE: mac(secret, key, (), invented).hex().encode()}
    yield _message("unsigned", key, invented, {})
    yield _message("forged", key, invented, {**ours, **forged})
    yield _message("unknown-key", key, invented, {SIGNED_BY: b"another-1", **forged})
    yield _message("replayed-on-another-body", key, invented, ours)
    yield _message("replayed-for-another-patient", other.patient_id.encode(), body, ours)
    yield _message("judged-as-older", key, body, {**ours, "first-taken": b"1000000000000"})
    for batch in coming:
        empty = encode(replace(batch, series=()))
        yield _message("id-of-a-coming-batch", batch.patient_id.encode(), empty, {})


def with_values(batch: SensorBatch, value: float, identity: uuid.UUID) -> SensorBatch:
    """A batch that nobody made: as this one, but each reading has the same value."""
    series = tuple(replace(run, values=[value] * len(run.values)) for run in batch.series)
    return replace(batch, batch_id=str(identity), series=series)


def _message(
    kind: str, key: bytes, body: bytes, headers: dict[str, bytes] | dict[str, str | bytes | None]
) -> Message:
    kept = [(name, value) for name, value in headers.items() if isinstance(value, bytes)]
    return key, body, [("kind", kind.encode()), *kept]
