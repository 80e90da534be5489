"""Flat topics: one message per reading, for pipelines without batches."""

import io
from collections.abc import Callable, Iterable, Iterator

import fastavro
import pyarrow as pa

from benchmarks.peers.peer import TopicFormat
from common.broker.clients import Producer, producer
from common.errors import UnavailableError
from common.settings import KafkaSettings

AVRO_SCHEMA = {
    "type": "record",
    "name": "record",
    "fields": [
        {"name": "paciente_sensor_id", "type": "int"},
        {"name": "componente", "type": "string"},
        {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "valor", "type": "double"},
    ],
}
_FLUSH_LIMIT_S = 120.0

Row = tuple[int, str, int, float]


def publish_flat(
    tables: Iterable[pa.Table], kafka: KafkaSettings, topic: str, topic_format: TopicFormat
) -> int:
    """Publishes each row of ``tables``; returns how many once all are acknowledged.

    Columns: paciente_sensor_id (int), componente (text), created_at_ms (UTC epoch ms), valor (a finite
    float). The key is the ``paciente_sensor_id`` as text, so that a sensor stays in one partition. Repeating
    it publishes every row again.

    Raises:
        UnavailableError: the broker does not accept a message.
        KeyError: for a format that is not flat.
    """
    encode = encoders()[topic_format]
    refused: list[object] = []

    def report(error: object, _: object) -> None:
        if error is not None:
            refused.append(error)

    client = producer(
        kafka,
        {
            "enable.idempotence": True,
            "linger.ms": 50,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 1_000_000,
            # only failures call back: a call for each of a million messages takes seconds
            "delivery.report.only.error": True,
            "on_delivery": report,
        },
    )
    count = 0
    for row in _rows(tables):
        _produce(client, topic, str(row[0]).encode(), encode(row))
        count += 1
    left = client.flush(_FLUSH_LIMIT_S)
    if refused or left:
        raise UnavailableError(
            f"the broker did not accept {len(refused) + left} of {count} messages of {topic}",
            hint="check the broker's log and the free disk space",
        )
    return count


def _produce(client: Producer, topic: str, key: bytes, body: bytes) -> None:
    while True:
        try:
            client.produce(topic, key=key, value=body)
        except BufferError:
            client.poll(0.1)
        else:
            return


def _rows(tables: Iterable[pa.Table]) -> Iterator[Row]:
    names = ("paciente_sensor_id", "componente", "created_at_ms", "valor")
    for table in tables:
        yield from zip(*(table[name].to_pylist() for name in names), strict=True)


def encoders() -> dict[TopicFormat, Callable[[Row], bytes]]:
    """How a row becomes a message, by format."""
    schema = fastavro.parse_schema(AVRO_SCHEMA)
    names = [field["name"] for field in AVRO_SCHEMA["fields"]]  # type: ignore[index]

    def avro(row: Row) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, dict(zip(names, row, strict=True)))
        return out.getvalue()

    return {TopicFormat.FLAT_AVRO: avro, TopicFormat.FLAT_JSON: _json}


def _json(row: Row) -> bytes:
    # none of the four needs escaping, and a serializer would take most of the time
    mapping_id, component, moment, value = row
    return (
        f'{{"paciente_sensor_id":{mapping_id},"componente":"{component}",'
        f'"created_at":{moment},"valor":{value!r}}}'
    ).encode()
