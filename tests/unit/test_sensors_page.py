"""docs/sensors.md says what the catalogue says."""

import subprocess
import sys
from pathlib import Path

from schemas.catalogue import COMPONENTLESS, sensors

PAGE = Path(__file__).parents[2] / "docs" / "sensors.md"


def test_the_page_is_up_to_date():
    """If not: python -m schemas > docs/sensors.md."""
    printed = subprocess.run([sys.executable, "-m", "schemas"], capture_output=True, check=True)
    assert printed.stdout == PAGE.read_bytes()


def test_the_page_names_every_sensor_component_unit_and_code():
    text = PAGE.read_text(encoding="utf-8")
    for sensor in sensors():
        for word in (sensor.code, sensor.unit, sensor.ucum):
            assert f"`{word}`" in text
        assert sensor.name_pt in text
        assert all(code in text for code in sensor.loinc)
        assert all(f"`{name}`" in text for unit in sensor.units for name in unit.names)
        for part in sensor.components:
            assert f"`{part.code or COMPONENTLESS}`" in text
            assert f"{part.limits.lower}, {part.limits.upper}" in text
