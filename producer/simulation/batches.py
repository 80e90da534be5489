"""Simulated readings as sensor batches."""

from itertools import repeat

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
    # one sensor after the other for all patients: the loops over series stay in C
    columns = [
        map(
            Series,
            repeat(sensor),
            repeat(component),
            simulated.units,
            repeat(window_start),
            repeat(interval_ms),
            simulated.values.tolist(),
        )
        for (sensor, component), simulated in readings.series.items()
    ]
    return [
        SensorBatch(
            batch_id(source, patient_id, window_start),
            patient_id,
            producer_id,
            window_start,
            produced_at,
            series,
        )
        for patient_id, series in zip(readings.patient_ids, zip(*columns, strict=True), strict=True)
    ]
