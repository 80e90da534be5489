"""Simulated readings as sensor batches."""

from producer.simulation import Readings
from schemas.batch import SensorBatch, Series, batch_id


def make_batches(
    readings: Readings,
    *,
    source: str,
    producer_id: str,
    window_start: int,
    interval_ms: int,
    produced_at: int,
) -> list[SensorBatch]:
    """One batch for each patient, its series in the order of the catalogue.

    ``source``: ``Simulator.source`` of the same window and interval. ``window_start`` and
    ``produced_at`` are UTC epoch ms.
    """
    columns = [
        (sensor, component, each.units, each.values.tolist())
        for (sensor, component), each in readings.series.items()
    ]
    return [
        SensorBatch(
            batch_id(source, patient_id, window_start),
            patient_id,
            producer_id,
            window_start,
            produced_at,
            tuple(
                # positional: this runs ten times for each patient and window
                Series(sensor, component, units[row], window_start, interval_ms, values[row])
                for sensor, component, units, values in columns
            ),
        )
        for row, patient_id in enumerate(readings.patient_ids)
    ]
