"""``python -m tests.catalogue_seen [CODE]``: as JSON, how every part reads the catalogue.

Each part reads the catalogue once and caches it, so another catalogue needs another process. With
CODE, that sensor first gets a model whose values are all 1.
"""

import json
import sys
from dataclasses import asdict

import numpy as np
from structlog.testing import capture_logs

from common.errors import ConfigurationError
from db.schema.catalogue_rows import component_rows, sensor_rows
from ops.monitor.columns import columns
from ops.storm.expected import expected_readings
from producer.live.simulated_windows import warn_of_sensors_without_model
from producer.replay.clif import clif_columns
from producer.replay.reader import Table
from producer.simulation import Simulator
from producer.simulation.batches import make_batches
from producer.simulation.sample import print_sample
from producer.simulation.simulator import MODELS
from schemas.__main__ import sensors_page
from schemas.catalogue import sensor, sensors
from schemas.cleaning.clean import judge
from schemas.cleaning.flatten import arrays_of
from tests.builders import NOW, PATIENT, batch, series


def simulated():
    """Batch id, warnings, and the first values of every series by its name."""
    simulator = Simulator(seed=7, fault_share=0.1, silent=[(PATIENT, "glicose")])
    readings = simulator.simulate([PATIENT, "demo-000002"], NOW, 3000, 1000)
    batches = make_batches(
        readings,
        source=simulator.source(3000, 1000),
        producer_id="p1",
        window_start=NOW,
        interval_ms=1000,
        produced_at=NOW,
    )
    with capture_logs() as logs:
        warn_of_sensors_without_model()
    return {
        "batch_id": batches[0].batch_id,
        "warnings": [(log["event"], log["sensors"]) for log in logs],
        "values": {f"{run.sensor}:{run.component}": str(run.values) for run in batches[1].series},
        "unsampled": [kind.code for kind in sensors() if not is_sampled(kind.code)],
    }


def is_sampled(code):
    try:
        print_sample(
            sensor=code, minutes=0.1, interval=1, patient=None, seed=7, start=NOW, out=sys.stderr
        )
    except ConfigurationError:
        return False
    return True


def decided(code):
    """What both cleaners decide about values at and beyond the limits, in each unit and in none."""
    kind = sensor(code)
    limits = kind.components[0].limits
    span = limits.upper - limits.lower
    values = [limits.lower - span, limits.lower, limits.lower + span / 2, limits.upper + span]
    part = kind.components[0].code
    runs = [
        series(code, values, component=part, unit=unit, start=NOW - 10_000 * number)
        for number, unit in enumerate([*(unit.names[0] for unit in kind.units), "??"], 1)
    ]
    made = batch(*runs)
    judged = judge(*arrays_of(made), np.array([NOW]))
    oracle = expected_readings([made])
    return {
        "cleaning": judged.reason_names.to_pylist(),
        "oracle": oracle["reason"].to_pylist(),
        "values": [
            (round(value * 1000), thousandths)
            for value, thousandths in zip(
                judged.value.tolist(), oracle["thousandths"].to_pylist(), strict=True
            )
            if thousandths is not None
        ],
    }


def replayed():
    """Sensor, component and unit by CLIF's category."""
    import pyarrow as pa

    categories = ["heart_rate", "sbp", "map", "weight_kg", "anything"]
    count = len(categories)
    names = ("hospitalization_id", "recorded_dttm", "vital_value")
    columns = {name: pa.array(["1"] * count) for name in names}
    table = Table({**columns, "vital_category": pa.array(categories)}, np.arange(count), [])
    found = clif_columns(table)
    kinds = (found.sensor, found.component, found.unit)
    return dict(
        zip(categories, zip(*(kind.to_pylist() for kind in kinds), strict=True), strict=True)
    )


if __name__ == "__main__":
    for modelled in sys.argv[1:]:
        MODELS[modelled] = lambda scene: (np.ones(scene.activity_at_samples.shape),)
    seen = {
        "simulated": simulated(),
        "decided": {kind.code: decided(kind.code) for kind in sensors()},
        "columns": [asdict(column) for column in columns()],
        "page": sensors_page(),
        "rows": [sensor_rows(), component_rows()],
        "replayed": replayed(),
    }
    print(json.dumps(seen, default=str))
