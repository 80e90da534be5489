"""The contract of the transforms with the partition writer."""

import math

from chispa import assert_df_equality

from schemas.reasons import Reason
from schemas.wire.codec import default_codec
from tests.builders import NOW, PATIENT, batch, series
from tests.spark.frames import cleaned, cleaned_frame, messages_frame

CODEC = default_codec()
CONTRACT = (
    "partition int, offset bigint, kafka_ms bigint, series int, position int, reason string,"
    " detail string, batch_id string, patient_id string, sensor string, component string,"
    " unit string, value double, event_ms bigint, key binary, body binary,"
    " headers string, mapping_id int, known_ms bigint, ordered_ms bigint"
)
IDENTITY = batch().batch_id


def test_the_columns_are_those_that_the_writer_reads(spark):
    found = cleaned_frame(messages_frame(spark, []))
    columns = [f"{field.name} {field.dataType.simpleString()}" for field in found.schema]
    assert columns == CONTRACT.split(", ")
    assert found.collect() == []


def test_an_accepted_reading_is_normal_and_a_rejected_one_is_as_it_came(spark):
    body = CODEC.encode(
        batch(
            series("Temperatura-Corporal", [98.6, 200.0], unit="°F"),
            series("glicose", [math.nan], unit="mmol/L"),
        )
    )
    mapping = (PATIENT, "temperatura_corporal", [(5, 0, NOW + 1)])
    found = cleaned_frame(messages_frame(spark, [body]), [mapping])
    celsius = (98.6 - 32) * 5 / 9
    place, who, kept = (3, 0, NOW), (IDENTITY, PATIENT), (None, None, None)
    as_sent = ("Temperatura-Corporal", None, "°F", 200.0)
    limits = (Reason.OUT_OF_RANGE.value, "plausible: [26, 45] C")
    normal = ("temperatura_corporal", "valor", "C", celsius)
    missing = ("glicose", None, "mmol/L", math.nan)
    expected = [
        (*place, 0, 0, None, None, *who, *normal, NOW, *kept, 5, None, None),
        (*place, 0, 1, *limits, *who, *as_sent, NOW + 1000, *kept, None, None, None),
        (*place, 1, 0, Reason.MISSING.value, None, *who, *missing, NOW, *kept, None, None, None),
    ]
    assert_df_equality(
        found,
        spark.createDataFrame(expected, CONTRACT),
        ignore_nullable=True,
        allow_nan_equality=True,
    )


def test_every_reason_but_the_writers_own_can_be_seen(spark):
    """A reason that no message can get would be a rule that does not work."""
    bodies = [
        b"",
        bytes(1_000_001),
        b"{}" * 9,
        b"\xc3\x01" + bytes(8),
        CODEC.encode(batch())[:-1],
        CODEC.encode(batch(identity="x")),
        CODEC.encode(
            batch(
                series("nada", unit="bpm"),
                series("glicose", component="x"),
                series("glicose", unit="??"),
                series("glicose", start=2**62),
                series("glicose", [math.nan, math.inf, 1.0]),
                series("glicose", start=NOW + 300_001),
                series("pressao_arterial", [80.0], component="sistolica"),
                series("pressao_arterial", [80.0], component="diastolica"),
            )
        ),
    ]
    seen = {row.reason for row in cleaned(spark, bodies)}
    assert seen == {reason.value for reason in Reason} - {
        Reason.UNMAPPED,
        Reason.OVERTAKEN,
        Reason.UNAUTHENTIC,
        Reason.CONFLICTING,
        Reason.REFUSED_BY_DATABASE,
    }


def test_every_reading_of_every_series_arrives_once_in_its_place(spark):
    runs = [series("glicose", range(size, size * 2)) for size in (1, 3, 0, 500)]
    rows = cleaned(spark, [CODEC.encode(batch(*runs)), CODEC.encode(batch(*runs))])
    places = [(row.offset, row.series, row.position) for row in rows if row.position >= 0]
    assert places == [
        (offset, index, position)
        for offset in (0, 1)
        for index, run in enumerate(runs)
        for position in range(len(run.values))
    ]
    for row in rows:
        if row.position >= 0:
            assert row.value == runs[row.series].values[row.position]
            assert row.event_ms == NOW + row.position * 1000
