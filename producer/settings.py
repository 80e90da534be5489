"""What the environment may say about a producer."""

import os
import re
import socket
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from common.settings import Settings
from schemas.catalogue import sensors

MAX_SAMPLES = 10_000
"""Of one series in a window: ten series of so many doubles stay below the message limit."""
PRODUCER_ID_PATTERN = "^[A-Za-z0-9_-]{1,64}$"
"""No dots: the archive's file names put a copy number behind one."""


def unique_producer_id() -> str:
    """Host and process: replicas of one image differ, a restarted container keeps its name."""
    host = re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname())[:48]
    return f"{host or 'producer'}-{os.getpid()}"


class ProducerSettings(Settings):
    """Who is simulated, how often, and under which name this replica writes."""

    producer_id: Annotated[str, Field(pattern=PRODUCER_ID_PATTERN)] = Field(
        default_factory=unique_producer_id
    )
    patients: Annotated[int, Field(ge=1, le=10_000_000)] = 100
    simulation_seed: int = 7
    fault_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    silent_sensors: str = ""
    """Broken on purpose: ``demo-000007:glicose,demo-000008:movimentacao``."""
    generation_interval_seconds: Annotated[float, Field(ge=0.001, le=3600)] = 10
    sensor_interval_seconds: Annotated[float, Field(ge=0.001, le=3600)] = 1
    catch_up_seconds: Annotated[float, Field(ge=0)] = 600
    """Windows that are older than this when nobody made them in time are left out."""

    @field_validator("generation_interval_seconds", "sensor_interval_seconds")
    @classmethod
    def _is_whole_milliseconds(cls, seconds: float) -> float:
        if abs(seconds * 1000 - round(seconds * 1000)) > 1e-6:  # noqa: PLR2004 - float noise
            raise ValueError("must be a whole number of milliseconds, such as 0.25")
        return seconds

    @field_validator("sensor_interval_seconds")
    @classmethod
    def _divides_the_window(cls, seconds: float, info: ValidationInfo) -> float:
        window_s = info.data.get("generation_interval_seconds")
        if window_s is None:
            return seconds
        samples, rest = divmod(round(window_s * 1000), round(seconds * 1000))
        if rest or samples > MAX_SAMPLES:
            raise ValueError(
                f"must divide GENERATION_INTERVAL_SECONDS ({window_s:g}) into 1 to"
                f" {MAX_SAMPLES} equal parts"
            )
        return seconds

    @field_validator("silent_sensors")
    @classmethod
    def _names_sensors(cls, text: str) -> str:
        codes = {each.code for each in sensors()}
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
    def window_ms(self) -> int:
        """Length of a window; windows are aligned to the clock."""
        return round(self.generation_interval_seconds * 1000)

    @property
    def interval_ms(self) -> int:
        """From one sample of a sensor to the next."""
        return round(self.sensor_interval_seconds * 1000)

    @property
    def catch_up_ms(self) -> int:
        """How far back missed windows are made."""
        return round(self.catch_up_seconds * 1000)


def _pairs(text: str) -> list[tuple[str, str]]:
    parts = (each.strip().rpartition(":") for each in text.split(",") if each.strip())
    return [(patient_id, code) for patient_id, _, code in parts]
