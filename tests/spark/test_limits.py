"""Each limit of the catalogue, at it and next to it; values that are not numbers; every unit."""

import math

from schemas.catalogue import sensors
from schemas.reasons import Reason
from tests.builders import series
from tests.spark.frames import cleaned_batches, reasons

COMPONENTS = [(sensor, part) for sensor in sensors() for part in sensor.components]
UNITS = [
    (sensor, part, unit, name)
    for sensor, part in COMPONENTS
    for unit in sensor.units
    for name in unit.names
]


def around(limit: float) -> list[float]:
    """The limit with its neighbours among the doubles, and a thousandth off."""
    return [
        *(limit - 0.001, math.nextafter(limit, -math.inf), limit),
        *(math.nextafter(limit, math.inf), limit + 0.001),
    ]


def test_every_limit_is_kept_at_it_and_on_both_sides_of_it(spark):
    tried = [
        (sensor, part, [*around(part.limits.lower), *around(part.limits.upper)])
        for sensor, part in COMPONENTS
    ]
    found = cleaned_batches(
        spark,
        [[series(sensor.code, values, component=part.code)] for sensor, part, values in tried],
    )
    for index, (sensor, part, values) in enumerate(tried):
        expected = [None if part.limits.holds(value) else Reason.OUT_OF_RANGE for value in values]
        assert reasons(found[index]) == expected, (sensor.code, part.code)
        assert {None, Reason.OUT_OF_RANGE} == set(expected)
        bad = next(row for row in found[index] if row.reason)
        assert bad.value in values
        assert bad.detail.startswith("plausible: ")
        assert bad.detail.endswith(sensor.unit)


def test_a_value_that_is_not_finite_gets_the_reason_for_it(spark):
    values = [math.nan, math.inf, -math.inf, 5e-324, -0.0, 1.7e308]
    codes = [(sensor.code, part.code) for sensor, part in COMPONENTS]
    found = cleaned_batches(spark, [[series(code, values, component=part)] for code, part in codes])
    for index in range(len(codes)):
        assert reasons(found[index])[:3] == [
            *(Reason.MISSING, Reason.NOT_FINITE, Reason.NOT_FINITE)
        ]
        assert math.isnan(found[index][0].value)
        assert found[index][5].reason == Reason.OUT_OF_RANGE


def test_every_unit_is_converted_exactly_as_the_catalogue_does(spark):
    """Bit by bit: trusted files may not depend on who computed them."""
    raw = []
    for _, part, unit, _ in UNITS:
        low, high = part.limits.lower, part.limits.upper
        wanted = [low + (high - low) * share for share in (0.013, 1 / 3, 0.5, 0.77, 0.987)]
        raw.append([value * unit.divide / unit.multiply + unit.subtract for value in wanted])
    found = cleaned_batches(
        spark,
        [
            [series(sensor.code, values, component=part.code, unit=name)]
            for (sensor, part, _, name), values in zip(UNITS, raw, strict=True)
        ],
    )
    for index, (sensor, _, unit, name) in enumerate(UNITS):
        assert reasons(found[index]) == [None] * 5, (sensor.code, name)
        assert [row.value for row in found[index]] == [unit.convert(value) for value in raw[index]]
        assert {row.unit for row in found[index]} == {sensor.unit}


def test_a_limit_is_that_of_the_sensors_own_unit(spark):
    """The converted value is judged, and a rejected one is kept as it came."""
    found = cleaned_batches(
        spark,
        [
            [series("temperatura_corporal", [78.7, 78.8, 113.0, 113.1], unit="°F")],
            [series("glicose", [0.5, 5.0, 55.5, 56.0], unit="mmol/L")],
            [series("pressao_arterial", [39.9, 40.0], component="sistolica", unit="kPa")],
            [series("movimentacao", [-16.4, 16.3], component="x", unit="g")],
        ],
    )
    bad = Reason.OUT_OF_RANGE
    assert reasons(found[0]) == [bad, None, None, bad]
    assert reasons(found[1]) == [bad, None, None, bad]
    assert reasons(found[2]) == [None, bad]
    assert reasons(found[3]) == [bad, None]
    assert [(row.value, row.unit) for row in found[0] if row.reason] == [
        *((78.7, "°F"), (113.1, "°F"))
    ]
    assert found[0][0].detail == "plausible: [26, 45] C"


def test_case_and_spaces_of_a_unit_do_not_matter_but_all_else_does(spark):
    names = ["f", " ° F ", "DEGF", "[DegF]", "", "??", "fahrenheit", "°", "mg/dL", "f|", "\uff46"]
    runs = [series("temperatura_corporal", [98.6], unit=name or " ") for name in names]
    found = cleaned_batches(spark, [runs])[0]
    assert reasons(found) == [None] * 4 + [Reason.UNKNOWN_UNIT] * 7
    assert [row.unit for row in found[5:]] == names[5:]
