"""An unknown sensor is added to a copy of the catalogue, and every part follows it."""

import json
import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CODE = "fluxo_expiratorio"
SENSOR = {
    "code": CODE,
    "name": {"en": "Peak flow", "pt": "Pico de fluxo"},
    "short_name": {"en": "PEF", "pt": "PFE"},
    "unit": "L/min",
    "ucum": "L/min",
    "loinc": ["19935-6"],
    "decimals": 1,
    "components": [
        {"code": None, "loinc": "19935-6", "clif": "weight_kg", "plausible": [0, 1200, False, True]}
    ],
    "units": [{"names": ["L/min", "lpm"]}, {"names": ["L/s"], "multiply": 60}],
}
PLACE = 3


def seen(folder, *modelled):
    """How every part reads the catalogue in that folder."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.catalogue_seen", *modelled],
        # without the folder that python -m puts first, the copy precedes all others
        env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{REPOSITORY}", "PYTHONSAFEPATH": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the schemas whose catalogue has one more sensor, in the middle of the list."""
    copy = tmp_path_factory.mktemp("catalogue")
    shutil.copytree(REPOSITORY / "schemas", copy / "schemas")
    path = copy / "schemas" / "catalogue.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["sensors"].insert(PLACE, SENSOR)
    path.write_text(json.dumps(document), encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def before():
    return seen(REPOSITORY)


@pytest.fixture(scope="module")
def after(folder):
    return seen(folder)


@pytest.fixture(scope="module")
def modelled(folder):
    return seen(folder, CODE)


def test_without_a_model_it_has_no_readings_and_is_named_in_one_warning(before, after):
    """All others keep their values, and so do their batches."""
    unknown = before["simulated"]["unsampled"]
    [(event, named)] = after["simulated"]["warnings"]
    assert (event, sorted(named)) == ("sensors_not_simulated", sorted([*unknown, CODE]))
    assert after["simulated"]["unsampled"] == named
    assert after["simulated"]["values"] == before["simulated"]["values"]
    assert after["simulated"]["batch_id"] == before["simulated"]["batch_id"]


def test_with_a_model_it_is_simulated_in_its_place_and_no_other_value_changes(
    before, after, modelled
):
    assert f"{CODE}:None" not in after["simulated"]["values"]
    others = dict(modelled["simulated"]["values"])
    assert "1.0" in others.pop(f"{CODE}:None")
    assert others == before["simulated"]["values"]
    series = list(modelled["simulated"]["values"])
    columns = [f"{column['sensor']}" for column in modelled["columns"]]
    assert series.index(f"{CODE}:None") == columns.index(CODE)
    assert CODE not in modelled["simulated"]["unsampled"]


def test_a_window_with_another_sensor_is_another_batch(before, modelled):
    assert modelled["simulated"]["batch_id"] != before["simulated"]["batch_id"]


def test_both_cleaners_judge_it_by_its_limits_and_units(after):
    found = after["decided"][CODE]
    of_a_unit = ["out_of_range", "out_of_range", None, "out_of_range"]
    in_litres_a_second = ["out_of_range"] * 4
    assert found["cleaning"] == [*of_a_unit, *in_litres_a_second, *["unknown_unit"] * 4]
    for code, decided in after["decided"].items():
        assert decided["cleaning"] == decided["oracle"], code
        assert all(ours == expected for ours, expected in decided["values"]), code


def test_the_page_has_a_column_with_its_names_in_its_place(before, after):
    codes = [column["sensor"] for column in after["columns"]]
    place = codes.index(CODE)
    column = after["columns"].pop(place)
    assert after["columns"] == before["columns"]
    assert list(dict.fromkeys(codes)).index(CODE) == PLACE
    assert (column["name_pt"], column["short_name_pt"]) == ("Pico de fluxo", "PFE")
    assert (column["name_en"], column["short_name_en"]) == ("Peak flow", "PEF")
    assert (column["unit"], column["decimals"], column["upper"]) == ("L/min", 1, 1200)


def test_the_docs_get_its_rows_and_no_other_new_ones(before, after):
    new = set(after["page"].splitlines()) - set(before["page"].splitlines())
    assert len(new) == 3
    assert all(f"`{CODE}`" in line for line in new)
    assert any("Peak flow / Pico de fluxo" in line and "(0, 1200]" in line for line in new)


def test_the_tables_get_its_rows(before, after):
    sensors, components = after["rows"]
    new_sensor = [row for row in sensors if row not in before["rows"][0]]
    new_component = [row for row in components if row not in before["rows"][1]]
    assert new_sensor == [[CODE, "Pico de fluxo", "L/min", "L/min"]]
    [(code, part, loinc, lower, upper)] = new_component
    assert (code, part, loinc) == (CODE, "valor", "19935-6")
    assert (Decimal(lower), Decimal(upper)) == (0, 1200)


def test_a_clif_file_calls_it_by_its_category(before, after):
    assert before["replayed"]["weight_kg"] == ["weight_kg", None, "kg"]
    assert after["replayed"].pop("weight_kg") == [CODE, None, "kg"]
    assert after["replayed"].items() <= before["replayed"].items()
