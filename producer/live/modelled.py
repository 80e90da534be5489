"""Which sensors of the catalogue the simulation has."""

import structlog

from producer.simulation import simulated_sensors
from schemas.catalogue import sensors

log = structlog.get_logger()


def warn_of_sensors_without_model() -> None:
    """Logs one line that names the catalogue's sensors without a model: they have no readings."""
    simulated = simulated_sensors()
    if without := [sensor.code for sensor in sensors() if sensor not in simulated]:
        log.warning(
            "sensors_not_simulated",
            sensors=without,
            hint="they have no readings; add a model for each to producer/simulation",
        )
