"""Thousands of damaged messages among good ones: each has the outcome that the oracle expects."""

import os
import random
import uuid
from collections import Counter

import pyarrow.parquet as pq

from common.broker.limits import KEPT_BYTES
from common.demo_patients import demo_patient_ids
from ops.storm.rules import outcomes
from schemas.batch import SensorBatch, Series
from schemas.reasons import Reason
from schemas.wire.codec import default_codec
from tests.mutations import SMALL, oversized
from tests.services.checks import administer
from tests.services.memory import MOST_BYTES, memory_of
from tests.services.simulated import now_ms
from tests.verdict import has_odd_number, verdict

MUTATIONS = int(os.environ.get("VITALS_TEST_MUTATIONS", "10000"))
GOOD_EVERY = 10
OVERSIZED = 20
MESSAGES_PER_BATCH = 5_000
PATIENTS = demo_patient_ids(10)
YEAR_2020_MS = 1_577_836_800_000


def good_batch(index, start):
    """A batch with everything the rules check: plain values, a pair, another unit, a gap."""
    runs = (
        Series("glicose", None, "mg/dL", start, 1000, [92.5, 101.0 + index % 50]),
        Series("pressao_arterial", "sistolica", "mmHg", start, 1000, [121.0]),
        Series("pressao_arterial", "diastolica", "mmHg", start, 1000, [79.0]),
        Series("temperatura_corporal", None, "°F", start, 500, [98.6, float("nan")]),
    )
    identity = str(uuid.uuid5(uuid.NAMESPACE_OID, f"fuzz {index}"))
    return SensorBatch(identity, PATIENTS[index % 10], "fuzz", start, start, runs)


def made_messages():
    """(key, body, headers) of all messages; a good one now and then."""
    chance, codec, start = random.Random(7), default_codec(), now_ms()
    for index in range(MUTATIONS):
        body = codec.encode(good_batch(index, start - index * 10_000))
        yield PATIENTS[index % 10], SMALL[index % len(SMALL)](body, chance), [("n", b"1")]
        if index % GOOD_EVERY == 0:
            good = good_batch(MUTATIONS + index, start - index * 10_000 - 5_000)
            yield good.patient_id, codec.encode(good), codec.headers(good)
        if index % (MUTATIONS // OVERSIZED) == 0:
            yield PATIENTS[0], oversized(body, chance), None


class Expected:
    """What the oracle expects of the messages in the topic, by offset."""

    def __init__(self, messages):
        self.refused, self.quarantined, self.accepted = {}, {}, {}
        self.batches, self.odd, self.registro = {}, {}, {}
        for message in sorted(messages, key=lambda sent: sent.offset()):
            self._add(message.offset(), message.value() or b"", message.timestamp()[1])

    def _add(self, offset, body, kafka_ms):
        decided = verdict(body)
        is_read = isinstance(decided, SensorBatch) or decided is Reason.INVALID_BATCH
        if is_read and has_odd_number(body):
            self.odd[offset] = body
        elif isinstance(decided, Reason):
            kept = body if decided is not Reason.TOO_LARGE else body[:KEPT_BYTES]
            self.refused[offset] = (decided, kept)
        elif decided.batch_id not in self.batches:
            self.batches[decided.batch_id] = offset
            self._add_readings(offset, decided, kafka_ms)

    def _add_readings(self, offset, batch, kafka_ms):
        for (series, position), outcome in outcomes(batch, kafka_ms).items():
            place = (offset, series, position)
            if isinstance(outcome, Reason):
                self.quarantined[place] = outcome
                continue
            self.accepted[place] = outcome
            run = batch.series[series]
            event_ms = run.start + position * run.interval_ms
            if batch.patient_id in PATIENTS and event_ms >= YEAR_2020_MS:
                kind = (run.sensor.lower(), run.component or "valor")
                self.registro[batch.patient_id, *kind, event_ms] = outcome
            else:
                self.quarantined[place] = Reason.UNMAPPED


def test_thousands_of_damaged_messages_are_kept_and_do_not_affect_their_siblings(make_pipeline):
    pipeline = make_pipeline(partitions=1)
    administer(pipeline, "UPDATE paciente_sensor SET ativo_desde = '2020-01-01'", "COMMIT")
    messages = pipeline.publish_raw(*made_messages())
    expected = Expected(messages)
    with (
        pipeline.consumer(
            # who sent them is not the question here
            REQUIRE_AUTHENTIC="false",
            MAX_MESSAGES_PER_BATCH=str(MESSAGES_PER_BATCH),
        ) as consumer,
        memory_of(consumer) as memory,
    ):
        pipeline.wait_for_messages(len(messages), seconds=900)
    reasons = Counter(str(reason) for reason, _ in expected.refused.values())
    print(f"{len(messages)} messages, refused {dict(reasons)}")
    print(f"read {len(expected.batches)}, odd numbers {len(expected.odd)}")
    print(f"readings accepted {len(expected.accepted)}, most memory {memory.peak / 1e6:.0f} MB")
    assert_one_attempt(pipeline, len(messages))
    assert_messages(pipeline, expected)
    assert_readings(pipeline, expected)
    assert memory.peak < MOST_BYTES


def assert_one_attempt(pipeline, count):
    """Full micro-batches in sequence, each with good and bad messages."""
    ranges = pipeline.rows(
        "SELECT deslocamento_inicial, deslocamento_final, mensagens, mensagens_recusadas, aceitas"
        " FROM livro_razao ORDER BY 1"
    )
    firsts = range(0, count, MESSAGES_PER_BATCH)
    assert [(first, until) for first, until, *_ in ranges] == [
        (first, min(first + MESSAGES_PER_BATCH, count)) for first in firsts
    ]
    for first, until, in_range, refused, accepted in ranges:
        assert in_range == until - first
        assert 0 < refused < in_range
        assert accepted > 0


def assert_messages(pipeline, expected):
    """The exact bytes and reason of each refused message; every readable one is processed once."""
    kept = {
        offset: (reason, bytes(body or b""), bytes(key or b"").decode())
        for offset, reason, body, key in pipeline.rows(
            "SELECT deslocamento, motivo, mensagem, chave FROM quarentena WHERE posicao = -1"
        )
    }
    taken = dict(pipeline.rows("SELECT lote_id, deslocamento FROM lote"))
    for offset, body in expected.odd.items():
        if offset in kept:
            reason, found, _ = kept.pop(offset)
            assert (reason, found) in {("undecodable", body), ("invalid_batch", body)}
        else:
            assert offset in taken.values()
            taken = {name: at for name, at in taken.items() if at != offset}
    assert {offset: row[:2] for offset, row in kept.items()} == {
        offset: (str(reason), body) for offset, (reason, body) in expected.refused.items()
    }
    assert {key for *_, key in kept.values()} <= set(PATIENTS)
    assert taken == expected.batches


def assert_readings(pipeline, expected):
    """Every reading of every readable message: its reason, or its value in the trusted files."""
    quarantined = {
        place: reason
        for *place_, reason in pipeline.rows(
            "SELECT deslocamento, serie, posicao, motivo FROM quarentena WHERE posicao >= 0"
        )
        if (place := tuple(place_))[0] not in expected.odd
    }
    assert quarantined == {place: str(reason) for place, reason in expected.quarantined.items()}
    accepted = {}
    for path in pipeline.output.glob("trusted/*/*.parquet"):
        table = pq.read_table(path, columns=["offset", "series", "position", "value"])
        accepted |= {
            tuple(place): value for *place, value in zip(*table.to_pydict().values(), strict=True)
        }
    accepted = {place: value for place, value in accepted.items() if place[0] not in expected.odd}
    assert accepted.keys() == expected.accepted.keys()
    assert all(abs(accepted[place] - expected.accepted[place]) <= 0.0005001 for place in accepted)
    if not expected.odd:
        [(count,)] = pipeline.rows("SELECT COUNT(*) FROM registro")
        assert count == len(expected.registro)
