"""Names of sensors and components: Spark's canonical form is the catalogue's."""

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.flatten import canonical
from schemas.catalogue import canonical_name, canonical_rule, sensors
from schemas.reasons import Reason
from tests.builders import series
from tests.spark.frames import cleaned_batches, reasons

_RULE = canonical_rule()
_TELLING = (
    _RULE.accented + _RULE.accented.upper() + _RULE.marks + " \t\r\n\f\v\x1c\x85\xa0\u2003-_|.aZ"
)
# letters that are new in Unicode are not yet known to every Java and every Python
_NAMES = st.text(st.sampled_from(_TELLING) | st.characters(max_codepoint=0x24FF), max_size=30)


def made_names(count: int) -> list[str]:
    """Many names of hypothesis at once: Spark answers one frame, not one call a name."""
    names: list[str] = []

    @settings(max_examples=count, database=None)
    @given(_NAMES)
    def keep(name: str) -> None:
        names.append(name)

    keep()
    return names


def test_sparks_canonical_form_is_the_catalogues(spark):
    names = [*made_names(1500), *(each.name_pt for each in sensors())]
    frame = spark.createDataFrame([(name,) for name in names], "name string")
    found = frame.select("name", canonical(frame["name"]).alias("canonical")).collect()
    assert len(found) == len(names)
    for row in found:
        assert row["canonical"] == canonical_name(row["name"]), ascii(row["name"])


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
    found = cleaned_batches(spark, [[series("glicose", [100.0], component=each) for each in parts]])
    assert [(row.reason, row.component) for row in found[0]] == [(None, "valor")] * len(parts)
