"""The producer's settings, by environment names."""

import os
import re
import socket
from typing import Annotated

from pydantic import Field, field_validator

from common.intervals import IntervalSettings
from schemas.catalogue import sensors

PRODUCER_ID_PATTERN = "^[A-Za-z0-9_-]{1,64}$"
"""No dots: the archive's file names have a copy number after one."""


def unique_producer_id() -> str:
    """Host and process: replicas of one image differ, a restarted container keeps its name."""
    host = re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname())[:48]
    return f"{host or 'producer'}-{os.getpid()}"


class ProducerSettings(IntervalSettings):
    """Who is simulated, how often, and under which name this replica writes."""

    producer_id: Annotated[str, Field(pattern=PRODUCER_ID_PATTERN)] = Field(
        default_factory=unique_producer_id
    )
    """Name of this replica: no two running producers may share one."""
    patients: Annotated[int, Field(ge=1, le=10_000_000)] = 100
    """How many patients are simulated, by all replicas together."""
    simulation_seed: int = 7
    """The same seed gives the same readings."""
    fault_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the readings that are made faulty on purpose."""
    silent_sensors: str | None = None
    """Sensors that are broken on purpose: `demo-000007:glicose,demo-000008:movimentacao`."""
    delivery_timeout_seconds: Annotated[float, Field(ge=1, le=3_600)] = 120
    """A batch that Kafka has not acknowledged by then is sent again from the outbox."""
    catch_up_seconds: Annotated[float, Field(ge=0)] = 600
    """Missed windows are backfilled up to this age; older ones are skipped."""

    @field_validator("silent_sensors")
    @classmethod
    def _names_sensors(cls, text: str | None) -> str | None:
        codes = {sensor.code for sensor in sensors()}
        for patient_id, code in _pairs(text):
            if not patient_id or code not in codes:
                raise ValueError(
                    f"{patient_id}:{code} must be a patient and one of {', '.join(sorted(codes))}"
                )
        return text

    @property
    def silent(self) -> frozenset[tuple[str, str]]:
        """Patient id and sensor code of what ``silent_sensors`` names."""
        return frozenset(_pairs(self.silent_sensors))

    @property
    def delivery_timeout_ms(self) -> int:
        """How long one delivery may take."""
        return round(self.delivery_timeout_seconds * 1000)

    @property
    def catch_up_ms(self) -> int:
        """How far back missed windows are made."""
        return round(self.catch_up_seconds * 1000)


def _pairs(text: str | None) -> list[tuple[str, str]]:
    parts = (pair.strip().rpartition(":") for pair in (text or "").split(",") if pair.strip())
    return [(patient_id, code) for patient_id, _, code in parts]
