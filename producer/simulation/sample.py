"""Some minutes of one simulated sensor as CSV lines: the body of the ``sample`` command."""

import sys
from collections.abc import Iterator
from typing import TextIO

from common.demo_patients import demo_patient_ids
from common.errors import ConfigurationError
from common.times import iso_of_ms, unix_ms
from producer.simulation import Readings, Simulator, simulated_sensors
from schemas.catalogue import Sensor, canonical_name

HEADER = "timestamp,patient_id,sensor,component,value,unit"

_SAMPLES_AT_ONCE = 1000


def print_sample(
    *,
    sensor: str,
    minutes: float,
    interval: float,
    patient: str | None,
    seed: int,
    start: int | None = None,
    out: TextIO | None = None,
) -> None:
    """Prints what a patient's sensor reads within ``minutes``, every ``interval`` seconds.

    ``sensor`` in any spelling of its code; ``patient`` None: the first demo patient; ``start`` in
    UTC epoch ms, None: now, aligned to the interval. The same arguments print the same lines.

    Raises ConfigurationError for a sensor that is not simulated, or an empty period.
    """
    kind = _sensor_called(sensor)
    interval_ms, window_ms = round(interval * 1000), round(minutes * 60_000)
    if interval_ms < 1 or window_ms < 1:
        raise ConfigurationError(
            f"cannot sample {minutes:g} minutes every {interval:g} seconds",
            hint="give --minutes and --interval above 0 (the interval in steps of 0.001)",
        )
    if start is None:
        now_ms = unix_ms()
        start = now_ms - now_ms % interval_ms
    patient_id = patient or demo_patient_ids(1)[0]
    target = out or sys.stdout
    print(HEADER, file=target)
    simulator = Simulator(seed=seed)
    until = start + window_ms
    # piece by piece: the first lines come at once, and a whole day does not fill the memory
    for piece in range(start, until, _SAMPLES_AT_ONCE * interval_ms):
        piece_ms = min(_SAMPLES_AT_ONCE * interval_ms, until - piece)
        readings = simulator.simulate([patient_id], piece, piece_ms, interval_ms)
        target.writelines(_lines(readings, kind, piece, interval_ms))


def _sensor_called(name: str) -> Sensor:
    by_code = {sensor.code: sensor for sensor in simulated_sensors()}
    if (sensor := by_code.get(canonical_name(name))) is None:
        raise ConfigurationError(
            f"cannot sample {name!r}: no sensor of that name is simulated",
            hint=f"give one of {', '.join(by_code)}",
        )
    return sensor


def _lines(readings: Readings, kind: Sensor, start: int, interval_ms: int) -> Iterator[str]:
    patient_id = readings.patient_ids[0]
    columns = [
        (component.code or "", readings.series[kind.code, component.code].values[0].tolist())
        for component in kind.components
    ]
    for number in range(len(columns[0][1])):
        timestamp = iso_of_ms(start + number * interval_ms)
        for component, values in columns:
            value = f"{values[number]:.{kind.decimals}f}"
            yield f"{timestamp},{patient_id},{kind.code},{component},{value},{kind.unit}\n"
