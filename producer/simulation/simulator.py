"""The simulator: the catalogue's sensors of some patients in one window, as far as it has models."""

import hashlib
from collections.abc import Callable, Collection, Sequence

import numpy as np

from common.arrays import Floats
from common.errors import ConfigurationError
from producer.simulation.circulation import blood_pressure, heart_rate, oxygen_saturation
from producer.simulation.faults import FaultPlan, silence, with_faults
from producer.simulation.metabolism import glucose, skin_moisture, temperature
from producer.simulation.movement import acceleration
from producer.simulation.profiles import profile_of
from producer.simulation.readings import Readings, SeriesKey, SimulatedSeries
from producer.simulation.respiration import respiratory_rate
from producer.simulation.scene import Scene
from schemas.catalogue import Sensor, sensors

MODEL_VERSION = 1
"""Increased with every change of a model: the batch ids change with it. What the catalogue says
about the sensors changes them by itself."""

MODELS: dict[str, Callable[[Scene], tuple[Floats, ...]]] = {
    "frequencia_cardiaca": heart_rate,
    "pressao_arterial": blood_pressure,
    "temperatura_corporal": temperature,
    "nivel_oxigenacao": oxygen_saturation,
    "glicose": glucose,
    "umidade_pele": skin_moisture,
    "movimentacao": acceleration,
    "frequencia_respiratoria": respiratory_rate,
}
"""By the sensor's code, its components' values; what is not here is not simulated."""


def simulated_sensors() -> tuple[Sensor, ...]:
    """The sensors that have a model, in the order of the catalogue."""
    return tuple(sensor for sensor in sensors() if sensor.code in MODELS)


class Simulator:
    """A pure function of (seed, patient, window): every replica makes the same readings."""

    def __init__(
        self, *, seed: int, fault_share: float = 0.0, silent: Collection[tuple[str, str]] = ()
    ) -> None:
        """``fault_share``: the share of readings that are spoilt on purpose, 0 to 1.

        ``silent``: patient id and code of sensors that are broken: they have no samples.

        Raises ConfigurationError for a share outside this range.
        """
        if not 0.0 <= fault_share <= 1.0:
            raise ConfigurationError(
                f"cannot simulate with a fault share of {fault_share}",
                hint="give a share between 0 (no faults) and 1, such as 0.01",
            )
        self.seed = seed
        self.fault_share = float(fault_share)
        self.silent = frozenset(silent)

    def source(self, window_ms: int, interval_ms: int) -> str:
        """What decides the content of a batch, for ``schemas.batch.batch_id``."""
        silent = "".join(f":silent={patient}/{code}" for patient, code in sorted(self.silent))
        return (
            f"simulator:{MODEL_VERSION}:seed={self.seed}:faults={self.fault_share!r}"
            f":window={window_ms}:interval={interval_ms}:sensors={_sensors_digest()}{silent}"
        )

    def simulate(
        self, patient_ids: Sequence[str], window_start: int, window_ms: int, interval_ms: int
    ) -> Readings:
        """The readings from ``window_start`` (UTC epoch ms) on, the window's end excluded.

        Without faults a value depends on seed, patient and time alone: not on the other
        patients, the window or the interval. Only a wrong unit also depends on the window.

        Raises ConfigurationError for a window or interval below 1 ms.
        """
        if window_ms < 1 or interval_ms < 1:
            raise ConfigurationError(
                f"cannot simulate a window of {window_ms} ms with a sample every {interval_ms} ms",
                hint="give both as 1 ms or longer",
            )
        ids = tuple(patient_ids)
        times_ms = np.arange(window_start, window_start + window_ms, interval_ms, dtype=np.int64)
        scene = Scene(self.seed, profile_of(self.seed, ids), times_ms)
        series = _clean(scene)
        if self.fault_share:
            keys = scene.profile.keys
            plan = FaultPlan(self.seed, self.fault_share, keys, times_ms, window_start)
            series = with_faults(series, plan)
        silence(series, ids, self.silent)
        return Readings(ids, series)


def _sensors_digest() -> str:
    """What the catalogue says about the simulated sensors, its names for people left out.

    Units and decimals decide all values, limits and other units those that are spoilt.
    """
    said = [
        (
            sensor.code,
            sensor.unit,
            sensor.decimals,
            [(component.code, component.limits) for component in sensor.components],
            sensor.units,
        )
        for sensor in simulated_sensors()
    ]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def _clean(scene: Scene) -> dict[SeriesKey, SimulatedSeries]:
    series: dict[SeriesKey, SimulatedSeries] = {}
    for sensor in simulated_sensors():
        units = (sensor.unit,) * len(scene.profile.keys)
        arrays = MODELS[sensor.code](scene)
        for component, values in zip(sensor.components, arrays, strict=True):
            rounded = np.round(values, sensor.decimals)
            series[sensor.code, component.code] = SimulatedSeries(rounded, units)
    return series
