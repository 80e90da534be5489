"""Builders of batches, and the golden bytes of every published schema version."""

import copy
import math
from collections.abc import Sequence

from db.ledger import LedgerRow, RangeCounts
from producer.simulation import simulated_sensors
from schemas.batch import SensorBatch, Series, batch_id
from schemas.catalogue import sensor
from schemas.wire.versions import LATEST, SchemaVersion, version_of, versions

READINGS_A_SAMPLE = sum(len(sensor.components) for sensor in simulated_sensors())
"""Of a demo patient at one instant."""
NOW = 1_790_000_000_000
"""When every built batch starts, and when Kafka takes it: 2026-09-21 14:13:20 UTC."""
PATIENT = "demo-000001"


def series(
    code: str = "glicose",
    values: Sequence[float] = (100.0,),
    *,
    component: str | None = None,
    unit: str | None = None,
    start: int = NOW,
    interval_ms: int = 1000,
) -> Series:
    """A series; its unit is the sensor's own unless given."""
    return Series(code, component, unit or sensor(code).unit, start, interval_ms, list(values))


def batch(*runs: Series, patient_id: str = PATIENT, identity: str | None = None) -> SensorBatch:
    """A batch of these series; ``identity`` replaces the computed batch id."""
    made = batch_id("tests", patient_id, NOW)
    return SensorBatch(identity or made, patient_id, "p1", NOW, NOW + 1500, runs)


def ledger_row(
    offsets: range,
    *files: str,
    topic: str = "t",
    partition: int = 0,
    unmapped: int = 0,
    committed_ms: int = NOW,
) -> LedgerRow:
    """A committed range with these trusted files, nothing in it repeated or refused."""
    counts = RangeCounts(len(offsets), 0, 0, 0, 0, unmapped, {})
    return LedgerRow(topic, partition, offsets.start, offsets.stop, counts, files, committed_ms)


GOLDEN_BATCH = SensorBatch(
    batch_id="7d444840-9dc0-5d1b-b245-5ffdce74fad2",
    patient_id="demo-000001",
    producer_id="p1",
    window_start=NOW,
    produced_at=NOW + 1500,
    series=(
        series("glicose", [92.5, math.nan]),
        series(
            "pressao_arterial", [120.0], component="sistolica", start=NOW + 250, interval_ms=500
        ),
    ),
)
GOLDEN = {
    1: bytes.fromhex(
        "c301 0ccd551980c6cd86"  # magic, fingerprint
        "48 37643434343834302d396463302d356431622d623234352d356666646365373466616432"  # batch_id
        "16 64656d6f2d303030303031"  # patient_id
        "04 7031"  # producer_id
        "80b083c59868 b8c783c59868"  # window_start, produced_at
        "04"  # two series
        "0e 676c69636f7365 00 0a 6d672f644c"  # glicose, no component, mg/dL
        "80b083c59868 d00f"  # start, interval
        "04 0000000000205740 000000000000f87f 00"  # two values: 92.5, NaN
        "20 7072657373616f5f617274657269616c 02 12 736973746f6c696361 08 6d6d4867"
        "f4b383c59868 e807"
        "02 0000000000005e40 00"
        "00"  # no more series
    )
}
"""``GOLDEN_BATCH`` in every version that was ever published. What is here never changes."""


def invented_version(*, default: bool = True) -> SchemaVersion:
    """The latest version with one more field in the batch and one more in each series."""
    document = copy.deepcopy(versions()[-1].document)
    ward = {"name": "ward", "type": "string"} | ({"default": "unknown"} if default else {})
    document["fields"].insert(1, ward)
    items = document["fields"][-1]["type"]["items"]
    items["fields"].insert(0, {"name": "device", "type": ["null", "string"], "default": None})
    return version_of(LATEST + 1, document)
