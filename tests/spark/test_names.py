"""Names of sensors and components, in any spelling."""

from schemas.reasons import Reason
from tests.builders import series
from tests.spark.frames import cleaned_batches, reasons


def test_sensor_and_component_names_are_matched_in_canonical_form(spark):
    found = cleaned_batches(
        spark,
        [
            [series("frequencia_cardiaca", [70.0])],
            [series("Frequência Cardíaca", [70.0], unit="bpm")],
            [series(" FREQUENCIA-CARDIACA ", [70.0], unit="bpm")],
            [series("Freque\u0302ncia\u00a0Cardi\u0301aca", [70.0], unit="bpm")],
            [series("Pressão-Arterial", [120.0], component=" Sistólica", unit="mmHg")],
        ],
    )
    accepted = [(row.reason, row.sensor, row.component) for rows in found.values() for row in rows]
    assert accepted == [
        *[(None, "frequencia_cardiaca", "valor")] * 4,
        (None, "pressao_arterial", "sistolica"),
    ]


def test_an_unknown_name_is_quarantined_as_it_came(spark):
    unknown = ["", "colesterol", "Frequência", "frequencia_cardiaca|valor", "glicose.", "血糖"]
    found = cleaned_batches(spark, [[series(name, [70.0], unit="bpm") for name in unknown]])[0]
    assert reasons(found) == [Reason.UNKNOWN_SENSOR] * len(unknown)
    assert [row.sensor for row in found] == unknown
    assert {(row.unit, row.value) for row in found} == {("bpm", 70.0)}


def test_a_name_of_half_a_megabyte_with_many_readings_costs_no_memory(spark):
    """Repeated for each of its readings it would be twenty gigabytes."""
    run = series("s" * 500_000, [70.0] * 40_000, unit="bpm")
    found = cleaned_batches(spark, [[run]])[0]
    assert len(found) == 40_000
    assert reasons(found[:1]) == [Reason.UNKNOWN_SENSOR]
    assert {row.sensor for row in found} == {"s" * 255}


def test_an_unknown_component_is_quarantined_as_it_came(spark):
    tried = [
        *[("pressao_arterial", part) for part in (None, "media", "x", "", "sistolica|mmhg")],
        *[("glicose", part) for part in ("a", "sistolica", "valor|mg/dl")],
        *[("movimentacao", part) for part in (None, "w", "valor")],
    ]
    found = cleaned_batches(
        spark, [[series(code, [100.0], component=part) for code, part in tried]]
    )[0]
    assert reasons(found) == [Reason.UNKNOWN_COMPONENT] * len(tried)
    assert [(row.sensor, row.component) for row in found] == tried


def test_a_sensor_without_components_may_name_its_one_component_or_leave_it_empty(spark):
    parts = [None, "", " ", "valor", "VALOR"]
    found = cleaned_batches(spark, [[series("glicose", [100.0], component=part) for part in parts]])
    assert [(row.reason, row.component) for row in found[0]] == [(None, "valor")] * len(parts)
