"""Spark's own decoder, in Java, reads the schema as the consumer's does."""

import pyarrow as pa
import pytest
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.avro.functions import from_avro

from schemas.wire.codec import Codec
from schemas.wire.decode import decode
from schemas.wire.versions import HEADER_SIZE, MAGIC, latest, versions
from tests.builders import GOLDEN, GOLDEN_BATCH, invented_version
from tests.spark.frames import cleaned, messages_frame

NEXT = invented_version()
KNOWN = [*versions(), NEXT]


@pytest.mark.parametrize("version", versions(), ids=lambda version: f"v{version.version}")
def test_java_avro_computes_the_same_fingerprint(spark, version):
    avro = spark._jvm.org.apache.avro
    text = version.plain_json
    schema = getattr(avro, "Schema$Parser")().parse(text)
    fingerprint = avro.SchemaNormalization.parsingFingerprint64(schema)
    assert version.header == MAGIC + fingerprint.to_bytes(8, "little", signed=True)


def test_spark_reads_the_golden_bytes_of_every_version(spark):
    bodies = list(GOLDEN.values())
    assert all(body[:HEADER_SIZE] != bodies[0][:HEADER_SIZE] for body in bodies[1:])
    rows = cleaned(spark, bodies)
    assert len(rows) == GOLDEN_BATCH.reading_count * latest().version
    for row in rows:
        run = GOLDEN_BATCH.series[row.series]
        assert (row.batch_id, row.patient_id) == (GOLDEN_BATCH.batch_id, GOLDEN_BATCH.patient_id)
        assert row.event_ms == run.start + row.position * run.interval_ms
        assert repr(row.value) == repr(run.values[row.position])


def test_java_reads_what_the_consumer_reads(spark):
    bodies = list(GOLDEN.values())
    datum = F.substring("value", HEADER_SIZE + 1, 1_000_000)
    batches = messages_frame(spark, bodies).select(from_avro(datum, latest().plain_json).alias("b"))
    decoded = decode(pa.array(bodies, pa.binary()))
    series = decoded.series
    for message, row in enumerate(batches.collect()):
        assert (row.b.batch_id, row.b.patient_id) == (
            *(decoded.batch_id[message], decoded.patient_id[message]),
        )
        for place in (series.message == message).nonzero()[0]:
            sent = row.b.series[series.number[place]]
            assert (sent.sensor, sent.component, sent.unit, sent.start, sent.interval_ms) == (
                *(names[place].as_py() for names in (series.sensor, series.component, series.unit)),
                *(series.start[place], series.interval_ms[place]),
            )
            values = decoded.readings.raw_value[decoded.readings.series == place]
            assert repr(sent["values"]) == repr(values.tolist())


@pytest.mark.parametrize("reader", [versions()[-1], NEXT], ids=["old reader", "new reader"])
def test_old_and_new_versions_are_read_side_by_side(reader):
    """While producers are updated one by one, both versions are in the topic."""
    bodies = [*GOLDEN.values(), Codec(KNOWN).encode(GOLDEN_BATCH)]
    decoded = decode(pa.array(bodies, pa.binary()), Codec(KNOWN, reader=reader))
    assert decoded.reasons == [None] * len(KNOWN)
    assert set(decoded.batch_id) == {GOLDEN_BATCH.batch_id}
    values = [value for run in GOLDEN_BATCH.series for value in run.values]
    assert repr(decoded.readings.raw_value.tolist()) == repr(values * len(KNOWN))
    assert decoded.series.sensor.to_pylist() == [e.sensor for e in GOLDEN_BATCH.series] * len(KNOWN)


def test_a_version_that_the_consumer_does_not_know_is_kept_whole(spark):
    body = Codec(KNOWN).encode(GOLDEN_BATCH)
    (row,) = cleaned(spark, [body])
    assert (row.reason, bytes(row.body)) == ("unknown_schema", body)
