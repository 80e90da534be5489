"""Injected faults: missing samples, outliers and wrong units, as pure as the simulation.

Of a share of the readings, half go missing, three in ten become implausible, and two in ten come
in a unit that the sensor should not use: a known one, converted, or one that nobody knows.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from common.arrays import Floats, Ints
from producer.simulation.randomness import Keys, uniform
from producer.simulation.readings import SeriesKey, SimulatedSeries
from schemas.catalogue import Limits, Sensor, Unit, sensor

UNKNOWN_UNIT = "??"

_MISSING = 0.5
_OUTLIER = 0.3
_WRONG_UNIT = 0.2
_MORE_DECIMALS = 2


@dataclass(frozen=True)
class FaultPlan:
    """Which readings to spoil: a ``share`` of those of these patients, times and window."""

    seed: int
    share: float
    keys: Keys
    times_ms: Ints
    window_start: int

    def draw(self, stream: str) -> Floats:
        """A uniform number for each sample; shape (patients, samples)."""
        return uniform(self.seed, self.keys, f"fault:{stream}", self.times_ms)

    def window_draw(self, stream: str) -> Floats:
        """A uniform number for each patient in this window; shape (patients,)."""
        counter = np.array([self.window_start], dtype=np.int64)
        return uniform(self.seed, self.keys, f"fault:{stream}", counter)[:, 0]


def with_faults(
    series: Mapping[SeriesKey, SimulatedSeries], plan: FaultPlan
) -> dict[SeriesKey, SimulatedSeries]:
    """The series with about ``plan.share`` of their readings spoilt; the input stays as it is."""
    spoilt = {}
    for (code, component), clean in series.items():
        kind = sensor(code)
        part = kind.component(component)
        if part is None:
            raise KeyError((code, component))
        values = _with_bad_samples(
            clean.values, part.limits, plan.draw(f"{code}:{component}"), plan
        )
        values = np.round(values, kind.decimals)
        spoilt[code, component] = _with_wrong_units(kind, values, clean.units, plan)
    return spoilt


def silence(
    series: Mapping[SeriesKey, SimulatedSeries],
    patient_ids: Sequence[str],
    silent: Collection[tuple[str, str]],
) -> None:
    """Removes all samples of broken sensors: (patient id, sensor code)."""
    row_of = {patient_id: row for row, patient_id in enumerate(patient_ids)} if silent else {}
    for patient_id, code in silent:
        if (row := row_of.get(patient_id)) is None:
            continue
        for (sensor_code, _), simulated in series.items():
            if sensor_code == code:
                simulated.values[row] = np.nan


def _with_bad_samples(values: Floats, limits: Limits, draw: Floats, plan: FaultPlan) -> Floats:
    missing, outlier = _MISSING * plan.share, _OUTLIER * plan.share
    # the same draw says whether and how far: what is left of it is uniform in -1 to 1
    far = np.clip(2.0 * (draw - missing) / outlier - 1.0, -1.0, 1.0)
    span = limits.upper - limits.lower
    implausible = np.where(
        far < 0.0, limits.lower + span * (far - 0.1), limits.upper + span * (far + 0.1)
    )
    values = np.where(draw < missing + outlier, implausible, values)
    return np.where(draw < missing, np.nan, values)


def _with_wrong_units(
    kind: Sensor, values: Floats, units: Sequence[str], plan: FaultPlan
) -> SimulatedSeries:
    # one draw for a sensor: the components of one device come in one unit
    is_hit = plan.window_draw(f"unit:{kind.code}") < _WRONG_UNIT * plan.share
    if not is_hit.any():
        return SimulatedSeries(values, units)
    own = kind.unit_named(kind.unit)
    others: list[Unit | None] = [*(unit for unit in kind.units if unit != own), None]
    choice = (plan.window_draw(f"unit:{kind.code}:which") * len(others)).astype(np.int64)
    names = list(units)
    for row in np.flatnonzero(is_hit):
        unit = others[choice[row]]
        names[row] = unit.names[0] if unit else UNKNOWN_UNIT
        if unit:
            foreign = values[row] * unit.divide / unit.multiply + unit.subtract
            values[row] = np.round(foreign, kind.decimals + _MORE_DECIMALS)
    return SimulatedSeries(values, names)
