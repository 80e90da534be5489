"""How often patients are measured: producers follow it, and the monitor expects it."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from common.settings import Settings

MAX_SAMPLES = 10_000
"""Samples in one series: a batch of all sensors at this limit still fits into a message."""


class IntervalSettings(Settings):
    """The length of a window, and the interval between two samples of a sensor."""

    generation_interval_seconds: Annotated[float, Field(ge=0.001, le=3600)] = 10
    """Length of a window: one batch per patient."""
    sensor_interval_seconds: Annotated[float, Field(ge=0.001, le=3600)] = 1
    """Time from one sample to the next; must divide the window."""

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

    @property
    def window_ms(self) -> int:
        """Length of a window; windows are aligned to the clock."""
        return round(self.generation_interval_seconds * 1000)

    @property
    def interval_ms(self) -> int:
        """From one sample of a sensor to the next."""
        return round(self.sensor_interval_seconds * 1000)
