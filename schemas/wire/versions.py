"""Every schema version ever published, with the fingerprint that starts its messages."""

import copy
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import fastavro.schema

MAGIC = b"\xc3\x01"
"""The first two bytes of an Avro single-object encoding (Avro 1.12 specification)."""
HEADER_SIZE = 10
"""Magic and the 8-byte little-endian CRC-64-AVRO fingerprint."""
NAME = "SensorBatch"
LATEST = 1


@dataclass(frozen=True)
class SchemaVersion:
    """One published version: its document and its fingerprint."""

    version: int
    document: dict[str, Any]
    header: bytes
    """The 10 bytes that every message of this version starts with."""

    @property
    def plain_json(self) -> str:
        """The schema without logical types, so that a decoder returns the longs unchanged.

        Decoding an extreme long to a timestamp overflows; the cleaning rules check the number first.
        """
        return json.dumps(_without_logical_types(self.document))


def version_of(number: int, document: dict[str, Any]) -> SchemaVersion:
    """Computes the fingerprint of a schema document (Avro's parsing canonical form, CRC-64)."""
    canonical = fastavro.schema.to_parsing_canonical_form(copy.deepcopy(document))
    fingerprint = fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")
    return SchemaVersion(number, document, MAGIC + bytes.fromhex(fingerprint))


@cache
def versions() -> tuple[SchemaVersion, ...]:
    """All published versions, oldest first."""
    return tuple(version_of(number, _read(number)) for number in range(1, LATEST + 1))


def latest() -> SchemaVersion:
    """The version that producers write and readers read into."""
    return versions()[-1]


def _read(number: int) -> dict[str, Any]:
    text = (
        files("schemas.wire").joinpath(f"sensor_batch_v{number}.avsc").read_text(encoding="utf-8")
    )
    return dict(json.loads(text))


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_logical_types(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _without_logical_types(value) for key, value in schema.items() if key != "doc"}
    if plain.pop("logicalType", None):
        return plain["type"]
    return plain
