"""What somebody who may write to the topic, and has no key, tries: none of it counts.

Each attack succeeds where REQUIRE_AUTHENTIC is off, so each test could fail.
"""

import dataclasses
import pickle
from collections import Counter

import pytest

from common.settings import TrustSettings
from ops.credentials.batch_keys import ensure_batch_key, key_file
from ops.look.snapshot import Observer
from schemas.batch import SensorBatch
from schemas.wire.codec import FIRST_TAKEN, default_codec
from schemas.wire.signature import SIGNATURE, SIGNED_BY, Signer
from tests.builders import NOW
from tests.services.checks import assert_proved, heart_rate

FIRST, SECOND = "demo-000001", "demo-000002"
TRUE, FORGED = 72.0, 60.0
VALUES = (
    "SELECT CAST(valor AS DOUBLE), COUNT(*) FROM registro r"
    " JOIN paciente_sensor ps ON ps.id = r.paciente_sensor_id"
    " JOIN paciente p ON p.id = ps.paciente_id WHERE p.identificador = %s GROUP BY valor"
)
REASONS = "SELECT motivo, COUNT(*) FROM quarentena GROUP BY motivo"
START = NOW - 600_000


def message(batch, signer=None, *, key=None, more=()):
    """Key, body and headers as a producer sends them."""
    codec = default_codec()
    sent, body = key or batch.patient_id, codec.encode(batch)
    headers = [*codec.headers(batch), *more]
    return sent, body, list(signer.signed(sent.encode(), body, headers)) if signer else headers


def invented(patient_id=FIRST, start=START):
    """Readings that nobody made, at the instants of true ones, under an id that nobody has used."""
    return heart_rate([FORGED] * 3, start=start, source="invented", patient_id=patient_id)


def true_batch(patient_id=FIRST, start=START):
    return heart_rate([TRUE] * 3, start=start, patient_id=patient_id)


def forger(folder):
    """Somebody with a key of his own making, under the id of ours."""
    ensure_batch_key(folder, "producer")
    return Signer(folder / key_file("producer"))


def with_the_id_of(headers, signer):
    key_id = dict(signer.signed(b"", b"", []))[SIGNED_BY]
    return [(name, key_id if name == SIGNED_BY else value) for name, value in headers]


def unsigned(_signer, _folder):
    return [message(invented())]


def forged(signer, folder):
    key, body, headers = message(invented(), forger(folder))
    return [(key, body, with_the_id_of(headers, signer))]


def unknown_key(_signer, folder):
    return [message(invented(), forger(folder))]


def replayed_signature(signer, _folder):
    """The signature of one patient's message on a message of another one."""
    *_, signed = message(true_batch(SECOND), signer)
    proof = [(name, value) for name, value in signed if name in (SIGNED_BY, SIGNATURE)]
    return [message(invented(), more=proof)]


def under_another_key(signer, _folder):
    """Even who has a key sends a patient's readings under that patient's key."""
    return [message(invented(), signer, key=SECOND)]


@pytest.mark.parametrize("is_required", [True, False])
@pytest.mark.parametrize(
    "attack", [unsigned, forged, unknown_key, replayed_signature, under_another_key]
)
def test_invented_readings_never_replace_true_ones(attack, is_required, make_pipeline, tmp_path):
    pipeline = make_pipeline(partitions=1)
    pipeline.publish(true_batch(), true_batch(SECOND))
    sent = attack(Signer(pipeline.kafka.batch_key_path), tmp_path / "forger")
    pipeline.publish_raw(*sent)
    with pipeline.warm_consumer(REQUIRE_AUTHENTIC=str(is_required)):
        pipeline.wait_for_messages(2 + len(sent))
    assert dict(pipeline.rows(VALUES, FIRST)) == {TRUE if is_required else FORGED: 3}
    assert dict(pipeline.rows(REASONS)) == ({"unauthentic": 1} if is_required else {})
    signed_by = Counter(pipeline.rows("SELECT assinado_por IS NULL FROM lote"))
    assert signed_by == ({(0,): 2} if is_required else {(0,): 2, (1,): 1})
    if is_required:
        assert_proved(pipeline)
        assert alarms(pipeline) == ["unauthentic_messages"]


def preempting(batch):
    """The id that a batch will have, in an empty one of the same patient."""
    return message(dataclasses.replace(batch, series=()))


def judged_as_older(batch, signer):
    """The true message, which a header would let be judged as if it had come long before."""
    key, body, headers = message(batch, signer)
    return key, body, [*headers, (FIRST_TAKEN, b"1000000000000")]


@pytest.mark.parametrize("is_required", [True, False])
def test_no_message_of_others_suppresses_a_true_one(is_required, make_pipeline):
    pipeline = make_pipeline(partitions=1)
    first, second = true_batch(), true_batch(SECOND)
    signer = Signer(pipeline.kafka.batch_key_path)
    pipeline.publish_raw(preempting(first), judged_as_older(second, signer))
    pipeline.publish(first, second)
    with pipeline.warm_consumer(REQUIRE_AUTHENTIC=str(is_required)):
        pipeline.wait_for_messages(4)
    found = [dict(pipeline.rows(VALUES, patient)) for patient in (FIRST, SECOND)]
    assert found == ([{TRUE: 3}, {TRUE: 3}] if is_required else [{}, {}])
    if is_required:
        assert dict(pipeline.rows(REASONS)) == {"unauthentic": 2}
        assert_proved(pipeline)


def test_a_batch_id_that_comes_with_other_content_is_kept_and_told(make_pipeline):
    """By whoever has a key; the same content has no effect, whoever made it and when."""
    pipeline = make_pipeline(partitions=1)
    batch = true_batch()
    again = dataclasses.replace(batch, producer_id="another", produced_at=batch.produced_at + 1)
    other = dataclasses.replace(batch, series=invented().series)
    pipeline.publish(batch)
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(1)
        pipeline.publish_raw(*map(message, [again, other, again]), signed=True)
        pipeline.wait_for_messages(4)
        # in one range with the first one
        third = true_batch(SECOND)
        pipeline.publish(third)
        pipeline.publish_raw(
            *map(message, [dataclasses.replace(third, series=invented(SECOND).series), third]),
            signed=True,
        )
        pipeline.wait_for_messages(7)
    for patient in (FIRST, SECOND):
        assert dict(pipeline.rows(VALUES, patient)) == {TRUE: 3}
    assert dict(pipeline.rows(REASONS)) == {"conflicting": 2}
    [kept, _] = pipeline.rows(
        "SELECT mensagem FROM quarentena WHERE motivo = 'conflicting' ORDER BY deslocamento"
    )
    assert decoded(kept[0]) == other
    repeated = "SELECT CAST(SUM(mensagens_repetidas) AS SIGNED) FROM livro_razao"
    assert pipeline.rows(repeated) == [(3,)]
    assert_proved(pipeline)
    assert alarms(pipeline) == ["conflicting_batches"]


def decoded(body) -> SensorBatch:
    return default_codec().decode(bytes(body))


def alarms(pipeline):
    """The conditions that are at fault of data, as `vitals status` has them."""
    observer = Observer(pipeline.kafka, pipeline.database)
    try:
        found = observer.health(pipeline.output).conditions
    finally:
        observer.close()
    return [condition.code for condition in found if not condition.is_of_pipeline]


def test_a_job_for_the_workers_holds_no_key(make_pipeline):
    """Spark's memory and messages are not secret: workers read the keys by their path."""
    pipeline = make_pipeline()
    secret = pipeline.kafka.batch_key_path.read_text().split()[1]
    job = pickle.dumps((pipeline.kafka, TrustSettings(batch_keys_dir="/run/secrets")))
    assert secret.encode() not in job
