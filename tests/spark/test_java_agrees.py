"""The Java side, which decodes in production, means the same by the schema as the Python side."""

import pytest

from schemas.versions import HEADER_SIZE, MAGIC, latest, versions
from tests.builders import GOLDEN, GOLDEN_BATCH
from tests.spark.frames import cleaned


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
