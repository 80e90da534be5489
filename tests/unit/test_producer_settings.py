"""What a producer accepts from its environment."""

import pytest

from common.errors import ConfigurationError
from common.settings import load
from producer.settings import ProducerSettings, unique_producer_id


def test_defaults_are_ten_second_windows_of_one_second_samples():
    settings = load(ProducerSettings)
    assert (settings.window_ms, settings.interval_ms) == (10_000, 1000)
    assert (settings.patients, settings.fault_share) == (100, 0.0)
    assert settings.producer_id == unique_producer_id()


def test_intervals_below_a_second_are_whole_milliseconds():
    settings = load(
        ProducerSettings, generation_interval_seconds=0.5, sensor_interval_seconds=0.008 + 0.002
    )
    assert (settings.window_ms, settings.interval_ms) == (500, 10)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"sensor_interval_seconds": 3}, "SENSOR_INTERVAL_SECONDS: .*must divide"),
        ({"sensor_interval_seconds": 20}, "SENSOR_INTERVAL_SECONDS: .*must divide"),
        (
            {"sensor_interval_seconds": 0.001, "generation_interval_seconds": 60},
            "SENSOR_INTERVAL_SECONDS: .*10000 equal parts",
        ),
        ({"generation_interval_seconds": 0.0015}, "GENERATION_INTERVAL_SECONDS: .*milliseconds"),
        ({"producer_id": "a.b"}, "PRODUCER_ID"),
        ({"patients": 0}, "PATIENTS"),
        ({"fault_share": 2}, "FAULT_SHARE"),
        ({"silent_sensors": "demo-000001:pulse"}, "SILENT_SENSORS"),
        ({"silent_sensors": "glicose"}, "SILENT_SENSORS"),
    ],
)
def test_wrong_setting_is_refused_by_its_name(given, named):
    with pytest.raises(ConfigurationError, match=named):
        load(ProducerSettings, **given)


def test_broken_sensors_are_named_by_patient_and_code():
    settings = load(ProducerSettings, silent_sensors="demo-000001:glicose, demo-000002:glicose")

    assert settings.silent == {("demo-000001", "glicose"), ("demo-000002", "glicose")}
