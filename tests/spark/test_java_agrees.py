"""The Java side, which decodes in production, means the same by the schema as the Python side."""

import pytest

from consumer.decode import with_batch, with_batch_error, with_frame_error
from schemas.codec import Codec
from schemas.versions import HEADER_SIZE, MAGIC, latest, versions
from tests.builders import GOLDEN, GOLDEN_BATCH, invented_version
from tests.spark.frames import cleaned, messages_frame

NEXT = invented_version()
KNOWN = [*versions(), NEXT]


@pytest.mark.parametrize("version", versions(), ids=lambda each: f"v{each.version}")
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


@pytest.mark.parametrize("reader", [versions()[-1], NEXT], ids=["old reader", "new reader"])
def test_spark_reads_old_and_new_versions_side_by_side(spark, reader):
    """While producers are updated one by one, both versions are in the topic."""
    bodies = [*GOLDEN.values(), Codec(KNOWN).encode(GOLDEN_BATCH)]
    rows = (
        messages_frame(spark, bodies)
        .transform(with_frame_error, known=KNOWN)
        .transform(with_batch, known=KNOWN, reader=reader)
        .transform(with_batch_error)
        .select("message_error", "batch")
        .collect()
    )
    assert len(rows) == len(KNOWN)
    for row in rows:
        assert row.message_error is None
        assert row.batch.batch_id == GOLDEN_BATCH.batch_id
        assert row.batch.producer_id == GOLDEN_BATCH.producer_id
        for read, sent in zip(row.batch.series, GOLDEN_BATCH.series, strict=True):
            assert (read.sensor, read.component, read.unit) == (
                *(sent.sensor, sent.component, sent.unit),
            )
            assert (read.start, read.interval_ms) == (sent.start, sent.interval_ms)
            assert repr(read["values"]) == repr(sent.values)
        assert ("ward" in row.batch) == (reader is NEXT)
        if reader is NEXT:
            assert row.batch.ward == "unknown"
            assert {each.device for each in row.batch.series} == {None}


def test_a_version_that_the_consumer_does_not_know_is_kept_whole(spark):
    body = Codec(KNOWN).encode(GOLDEN_BATCH)
    (row,) = cleaned(spark, [body])
    assert (row.reason, bytes(row.body)) == ("unknown_schema", body)
