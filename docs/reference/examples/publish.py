"""Publishes one window of one patient. Needs only confluent-kafka and fastavro.

Run it again with the same arguments after any failure: the batch keeps its id, and a batch id is
processed once.

    python publish.py SCHEMA_FILE PATIENT_ID WINDOW_START
"""

import hashlib
import hmac
import io
import json
import math
import os
import sys
import time
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import KafkaError, Message, Producer
from fastavro.schema import fingerprint, to_parsing_canonical_form

TOPIC = os.environ.get("KAFKA_TOPIC", "sensor-batches")
SOURCE = "example-ward"  # names what decides the content: another device or file, another source
NAMESPACE = uuid.UUID("6f1f0a52-1f53-5c3a-9a4e-0d6c8f6a7b21")


def series(
    sensor: str, component: str | None, unit: str, start: int, interval_ms: int, values: list[float]
) -> dict[str, Any]:
    """Regularly spaced values; value i was measured at start + i * interval_ms."""
    return {
        "sensor": sensor,
        "component": component,
        "unit": unit,
        "start": start,
        "interval_ms": interval_ms,
        "values": values,
    }


def batch_id(patient_id: str, start: int) -> str:
    """Follows from the content, and begins with the time (RFC 9562, version 8)."""
    named = uuid.uuid5(NAMESPACE, f"{SOURCE}\n{patient_id}\n{start}")
    return str(uuid.UUID(f"{start:012x}8{named.hex[13:]}"))


def sensor_batch(patient_id: str, start: int) -> dict[str, Any]:
    """The readings of the window that starts at ``start`` (UTC epoch ms)."""
    return {
        "batch_id": batch_id(patient_id, start),
        "patient_id": patient_id,
        "producer_id": "example",
        "window_start": start,
        "produced_at": int(time.time() * 1000),
        "series": [
            # NaN: the sensor gave nothing at that instant
            series("frequencia_cardiaca", None, "bpm", start, 1000, [72.0, 73.5, math.nan, 74.0]),
            series("temperatura_corporal", None, "F", start, 60_000, [98.6]),
            series("pressao_arterial", "sistolica", "mmHg", start, 60_000, [121.0]),
            series("pressao_arterial", "diastolica", "mmHg", start, 60_000, [79.0]),
        ],
    }


def encode(schema: dict[str, Any], batch: dict[str, Any]) -> bytes:
    """Avro single-object encoding: C3 01, the schema's fingerprint, the record."""
    mark = fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO")
    body = io.BytesIO()
    body.write(bytes.fromhex("c301" + mark))
    fastavro.schemaless_writer(body, schema, batch)
    return body.getvalue()


def signature(key: bytes, body: bytes) -> list[tuple[str, bytes]]:
    """The two headers that prove who sent the message: HMAC-SHA256 with the key in our key file."""
    key_file = Path(os.environ["BATCH_KEY_PATH"]).read_text(encoding="ascii")
    key_id, secret = key_file.split()[:2]
    # message key, three headers that we do not send, value: each after its length
    parts = (key, b"", b"", b"", body)
    signed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    code = hmac.new(bytes.fromhex(secret), signed, hashlib.sha256).hexdigest()
    return [("signed-by", key_id.encode()), ("signature", code.encode())]


def connection() -> dict[str, Any]:
    """Where the broker is and how to log in there, as `vitals env --as gateway` sets it."""
    options = {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"]}
    if os.environ.get("KAFKA_SECURITY_PROTOCOL") == "SASL_SSL":
        options["security.protocol"] = "SASL_SSL"
        options["sasl.mechanism"] = "SCRAM-SHA-512"
        options["sasl.username"] = os.environ["KAFKA_SASL_USERNAME"]
        password = Path(os.environ["KAFKA_SASL_PASSWORD_FILE"])
        options["sasl.password"] = password.read_text(encoding="utf-8").rstrip("\r\n")
        options["ssl.ca.location"] = os.environ["KAFKA_SSL_CA"]
    return options


def publish(batch: dict[str, Any], body: bytes) -> Message:
    """Returns the acknowledged message; ends the program where Kafka did not take it."""
    producer = Producer(
        {
            **connection(),
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",  # the choice of the Java client
        }
    )
    reports: list[tuple[KafkaError | None, Message]] = []
    key = batch["patient_id"].encode()
    producer.produce(
        TOPIC,
        key=key,
        value=body,
        headers=[
            ("content-type", b"avro/binary"),
            ("schema", b"SensorBatch"),
            ("schema-version", b"1"),
            ("batch-id", batch["batch_id"].encode()),
            ("producer-id", batch["producer_id"].encode()),
            *signature(key, body),
        ],
        on_delivery=lambda error, message: reports.append((error, message)),
    )
    producer.flush()
    error, message = reports[0]
    if error is not None:
        sys.exit(f"not delivered, run it again: {error.str()}")
    return message


def main() -> None:
    """Takes the schema file, the patient id and the start of the window (ISO 8601)."""
    schema_file, patient_id, window_start = sys.argv[1:]
    schema = json.loads(Path(schema_file).read_text(encoding="utf-8"))
    start = round(datetime.fromisoformat(window_start).timestamp() * 1000)
    batch = sensor_batch(patient_id, start)
    message = publish(batch, encode(schema, batch))
    place = f"partition {message.partition()} offset {message.offset()}"
    print(f"batch {batch['batch_id']} is at {TOPIC} {place}")


if __name__ == "__main__":
    main()
