"""The sensor catalogue: limits, conversions with known values, names, and what follows it."""

import itertools
import json
import math
import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.schema.migration_files import migrations, split_statements
from schemas.catalogue import (
    COMPONENTLESS,
    all_parts,
    canonical_name,
    canonical_rule,
    canonical_unit,
    sensor,
    sensors,
)
from schemas.reasons import Reason

DOCUMENT = json.loads(files("schemas").joinpath("catalogue.json").read_text(encoding="utf-8"))

LIMITS = [
    ("frequencia_cardiaca", None, "(0, 300]"),
    ("pressao_arterial", "sistolica", "(0, 300]"),
    ("pressao_arterial", "diastolica", "(0, 200]"),
    ("temperatura_corporal", None, "[26, 45]"),
    ("nivel_oxigenacao", None, "[50, 100]"),
    ("glicose", None, "[10, 1000]"),
    ("umidade_pele", None, "[0, 100]"),
    ("movimentacao", "x", "[-160, 160]"),
    ("movimentacao", "y", "[-160, 160]"),
    ("movimentacao", "z", "[-160, 160]"),
]


def test_the_sensors_components_and_limits_of_the_design_come_first_and_stay():
    found = [(kind.code, part.code, part.limits) for kind in sensors() for part in kind.components]
    designed = found[: len(LIMITS)]
    assert [(code, part) for code, part, _ in designed] == [limit[:2] for limit in LIMITS]
    for (*_, limits), (*_, text) in zip(designed, LIMITS, strict=True):
        left, right = (
            ("[" if limits.is_lower_allowed else "("),
            ("]" if limits.is_upper_allowed else ")"),
        )
        assert f"{left}{limits.lower}, {limits.upper}{right}" == text


@pytest.mark.parametrize(("code", "part", "text"), LIMITS)
def test_a_limit_holds_at_it_and_next_to_it_as_its_bracket_says(code, part, text):
    limits = sensor(code).component(part).limits
    lower, upper = (float(bound) for bound in text[1:-1].split(","))
    assert limits.holds(lower) == text.startswith("[")
    assert limits.holds(upper) == text.endswith("]")
    assert limits.holds(math.nextafter(lower, math.inf))
    assert limits.holds(math.nextafter(upper, -math.inf))
    assert not limits.holds(math.nextafter(lower, -math.inf))
    assert not limits.holds(math.nextafter(upper, math.inf))
    assert not any(map(limits.holds, (math.nan, math.inf, -math.inf)))


@pytest.mark.parametrize(
    ("code", "unit", "value", "expected"),
    [
        ("temperatura_corporal", "°F", 98.6, 37.0),
        ("temperatura_corporal", "[degF]", 32.0, 0.0),
        ("temperatura_corporal", "K", 310.15, 37.0),
        ("temperatura_corporal", "Cel", 37.0, 37.0),
        ("glicose", "mmol/L", 5.0, 90.078),
        ("glicose", "mmol/L", 1.0, 18.0156),
        ("pressao_arterial", "kPa", 101.325, 760.0),
        ("pressao_arterial", "kPa", 16.0, 120.00986923266716),
        ("pressao_arterial", "mm[Hg]", 120.0, 120.0),
        ("movimentacao", "g", 1.0, 9.80665),
        ("movimentacao", "[g]", -2.0, -19.6133),
        ("frequencia_cardiaca", "/min", 72.0, 72.0),
        ("nivel_oxigenacao", "percent", 98.0, 98.0),
        ("umidade_pele", "%", 40.0, 40.0),
    ],
)
def test_a_unit_converts_to_the_sensors_own(code, unit, value, expected):
    assert sensor(code).unit_named(unit).convert(value) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("kind", sensors(), ids=lambda kind: kind.code)
def test_a_sensors_own_unit_and_its_ucum_code_are_understood_and_change_nothing(kind):
    for name in {kind.unit, kind.ucum}:
        assert kind.unit_named(name).convert(36.6) == 36.6


@pytest.mark.parametrize("kind", sensors(), ids=lambda kind: kind.code)
def test_a_unit_name_means_one_unit_only(kind):
    names = [canonical_unit(name) for unit in kind.units for name in set(unit.names)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("code", "name"),
    [("glicose", "MG/DL"), ("glicose", " m g / d l "), ("pressao_arterial", "KPA")],
)
def test_case_and_spaces_of_a_unit_do_not_matter(code, name):
    assert sensor(code).unit_named(name)


@pytest.mark.parametrize("name", ["", "??", "mg", "mg/dL/", "mg-dL", "g"])
def test_an_unknown_unit_is_none(name):
    assert sensor("glicose").unit_named(name) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("frequencia_cardiaca", "frequencia_cardiaca"),
        ("Frequência Cardíaca", "frequencia_cardiaca"),
        ("FREQUÊNCIA-CARDÍACA", "frequencia_cardiaca"),
        ("  frequencia \t-_ cardiaca\n", "frequencia_cardiaca"),
        ("frequencia\u00a0cardiaca", "frequencia_cardiaca"),
        ("Freque\u0302ncia Cardi\u0301aca", "frequencia_cardiaca"),
        ("Pressão Arterial", "pressao_arterial"),
        ("Nível de oxigenação", "nivel_de_oxigenacao"),
        ("ÁÀÂÃÄÅÉÈÊËÍÌÎÏÓÒÔÕÖÚÙÛÜÇÑ", "aaaaaaeeeeiiiiooooouuuucn"),
        ("X", "x"),
        ("", ""),
        ("-- __", ""),
        ("glicose.", "glicose."),
    ],
)
def test_a_name_is_brought_into_canonical_form(text, expected):
    assert canonical_name(text) == expected


@given(st.text())
def test_a_canonical_name_stays_as_it_is(text):
    once = canonical_name(text)
    assert canonical_name(once) == once


def test_every_code_is_canonical_and_unique():
    codes = [kind.code for kind in sensors()]
    assert codes == list(map(canonical_name, codes))
    assert len(set(codes)) == len(codes)
    for kind in sensors():
        parts = [part.code for part in kind.components]
        assert len(set(parts)) == len(parts)
        assert parts == [None] or [canonical_name(part) for part in parts] == parts


def test_short_names_and_clif_categories_are_unique():
    for names in (
        [kind.short_name_en for kind in sensors()],
        [kind.short_name_pt for kind in sensors()],
        [part.clif for kind in sensors() for part in kind.components if part.clif],
    ):
        assert len(set(names)) == len(names)


def test_each_accented_letter_has_a_plain_one():
    rule = canonical_rule()
    assert len(rule.accented) == len(rule.plain)
    assert rule.plain.isascii()


def test_a_component_is_found_by_its_code_only():
    pressure, glucose = sensor("pressao_arterial"), sensor("glicose")
    assert pressure.component("sistolica").loinc == "8480-6"
    assert pressure.component("diastolica").loinc == "8462-4"
    assert pressure.component(None) is pressure.component("x") is None
    assert glucose.component(None).loinc == "2339-0"
    assert glucose.component(COMPONENTLESS) is None


def test_an_unknown_sensor_is_a_key_error():
    with pytest.raises(KeyError):
        sensor("colesterol")


def test_the_file_has_no_key_that_nobody_reads():
    """A misspelt key would be silently ignored, and its limit or conversion with it."""
    assert set(DOCUMENT) == {"about", "canonical", "sensors"}
    assert set(DOCUMENT["canonical"]) == {"accented", "plain", "marks", "separators"}
    for entry in DOCUMENT["sensors"]:
        assert set(entry) == {
            *("code", "name", "short_name", "unit", "ucum", "loinc", "decimals"),
            *("chart_span", "components", "units"),
        }
        assert set(entry["name"]) == set(entry["short_name"]) == {"en", "pt"}
        for part in entry["components"]:
            assert {"code", "loinc", "plausible"} <= set(part)
            assert set(part) <= {"code", "name", "loinc", "clif", "plausible"}
            assert set(part.get("name", ("en", "pt"))) == {"en", "pt"}
        for unit in entry["units"]:
            assert {"names"} <= set(unit) <= {"names", "subtract", "multiply", "divide"}


def components_by_table(scripts):
    """What the migrations together make of each column ``componente`` that is an ENUM."""
    found = {}
    for statement in itertools.chain.from_iterable(map(split_statements, scripts)):
        table = re.search(r"\b(?:CREATE|ALTER) TABLE (\w+)", statement)
        for declared in re.findall(r"\bcomponente ENUM\(([^)]*)\)", statement):
            found[table[1]] = set(re.findall(r"'(\w+)'", declared))
    return found


def test_the_database_knows_every_component_and_no_other():
    found = components_by_table(migration.sql for migration in migrations())
    assert {"componente_sensor", "registro", "registro_correcao"} <= set(found)
    assert {table: sorted(known) for table, known in found.items()} == dict.fromkeys(
        found, sorted(all_parts())
    )


def test_of_a_components_migrations_the_last_one_counts():
    """What is committed stays as it is, so a new component adds a migration to those before it."""
    before = [migration.sql for migration in migrations()]
    added = "ALTER TABLE registro MODIFY componente ENUM('valor', 'novo') NOT NULL;"
    assert components_by_table([*before, added]) == {
        **components_by_table(before),
        "registro": {"valor", "novo"},
    }


def test_the_parts_are_the_names_of_all_components_each_once():
    parts = all_parts()
    assert {COMPONENTLESS, "sistolica", "diastolica", "x", "y", "z"} <= set(parts)
    assert len(set(parts)) == len(parts)


def test_the_database_can_hold_what_the_catalogue_and_the_reasons_say():
    """Widths of the columns in db/migrations."""
    assert all(len(sensor) <= 32 for sensor in Reason)
    for kind in sensors():
        assert len(kind.code) <= 40
        assert len(kind.name_pt) <= 80
        assert max(len(kind.unit), len(kind.ucum)) <= 16
        assert 0 <= kind.decimals <= 3
        assert kind.chart_span >= 10 * 10**-kind.decimals
        for part in kind.components:
            assert max(abs(part.limits.lower), abs(part.limits.upper)) < 10**5
