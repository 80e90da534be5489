"""The consumer's promise on real services: every reading once, whatever is repeated or killed."""

import json
import time
from datetime import UTC, datetime
from decimal import Decimal

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.offsets import GroupOffsets
from db.connection import connect
from db.migrate import migrate
from db.patients import register
from db.quarantine_desk import Selection, discard
from ops.commands.reconcile import prove
from ops.stack import create_topic
from schemas.batch import SensorBatch, Series, batch_id
from tests.services.pipeline import kill_group
from tests.services.simulated import now_ms, simulated
from tests.topic import messages_in

REGISTRO = (
    "SELECT p.identificador, s.codigo, r.componente, r.created_at, r.valor FROM registro r"
    " JOIN paciente_sensor ps ON ps.id = r.paciente_sensor_id"
    " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id = ps.sensor_id"
    " ORDER BY 1, 2, 3, 4"
)
EVERYTHING = {
    "registro": REGISTRO,
    "quarentena": "SELECT * FROM quarentena ORDER BY 1, 2, 3, 4, 5",
}


def heart_rate(values, *, start, source="test", patient_id="demo-000001"):
    series = Series("frequencia_cardiaca", None, "bpm", start, 1000, values)
    made = batch_id(source, patient_id, start)
    return SensorBatch(made, patient_id, "test", start, start, (series,))


def administer(pipeline, *statements):
    with connect(pipeline.database) as connection:
        for each in statements:
            connection.cursor().execute(each)


def everything(pipeline):
    return {name: pipeline.rows(sql) for name, sql in EVERYTHING.items()}


def assert_proved(pipeline):
    proof = prove(pipeline.kafka, pipeline.database, pipeline.output)
    assert proof.is_proved, proof.findings
    return proof


def test_every_simulated_reading_has_one_outcome(pipeline):
    """Good ones in registro and trusted files, bad ones in quarantine, the group's lag at zero."""
    batches = simulated()
    pipeline.publish(*batches)
    with pipeline.consumer():
        pipeline.wait_for_messages(len(batches))
    proof = assert_proved(pipeline)
    assert proof.produced == sum(batch.reading_count for batch in batches)
    assert proof.quarantined > 0
    assert proof.accepted == proof.registro == proof.trusted
    offsets = GroupOffsets(pipeline.kafka)
    assert group_lag(pipeline, offsets) == 0
    offsets.close()


def group_lag(pipeline, offsets):
    client = offsets._client
    places = [TopicPartition(pipeline.kafka.kafka_topic, each) for each in offsets._partitions()]
    return sum(
        client.get_watermark_offsets(place)[1] - max(place.offset, 0)
        for place in client.committed(places, timeout=10)
    )


def test_a_restart_and_a_republished_outbox_change_no_row(pipeline):
    """The same batches at new offsets, read by a consumer with a new checkpoint, have no effect."""
    batches = simulated()
    pipeline.publish(*batches)
    with pipeline.consumer():
        pipeline.wait_for_messages(len(batches))
    before = everything(pipeline)
    pipeline.publish(*batches, archived=False)
    with pipeline.consumer():
        pipeline.wait_for_messages(2 * len(batches))
    assert everything(pipeline) == before
    repeated = pipeline.rows("SELECT CAST(SUM(mensagens_repetidas) AS SIGNED) FROM livro_razao")
    assert repeated == [(len(batches),)]
    assert assert_proved(pipeline).repeated_messages == len(batches)


def test_a_consumer_killed_between_trusted_write_and_commit_leaves_one_effect(make_pipeline):
    """A held row lock stops the writer behind its trusted file; SIGKILL there; the next one mends."""
    pipeline = make_pipeline(partitions=1)
    start = now_ms()
    pipeline.publish(heart_rate([70.0], start=start))
    with pipeline.consumer() as consumer:
        pipeline.wait_for_messages(1)
        with connect(pipeline.database) as locker:
            locker.cursor().execute("UPDATE registro SET valor = valor + 0")
            # the first value meets the held row; the second is new
            pipeline.publish(heart_rate([71.0, 72.0], start=start, source="correction"))
            wait_for_file(pipeline, "*-0-1-2.parquet")
            kill_group(consumer)
            locker.rollback()
    assert pipeline.rows("SELECT COUNT(*) FROM livro_razao") == [(1,)]
    # more messages: the range that is committed next is another one than the one that was killed
    pipeline.publish(heart_rate([80.0], start=start + 60_000))
    with pipeline.consumer():
        pipeline.wait_for_messages(3)
    values = [row[4] for row in pipeline.rows(REGISTRO)]
    assert values == [Decimal("71.000"), Decimal("72.000"), Decimal("80.000")]
    assert not list(pipeline.output.glob("trusted/*/*-0-1-2.parquet"))
    assert assert_proved(pipeline).superseded == 1


def wait_for_file(pipeline, pattern):
    deadline = time.monotonic() + 60
    while not list(pipeline.output.glob(f"trusted/*/{pattern}")):
        assert time.monotonic() < deadline, pipeline.log()
        time.sleep(0.02)


def test_poison_among_a_thousand_costs_one_row(make_pipeline):
    """The siblings of an undecodable message are committed in the same micro-batch."""
    pipeline = make_pipeline(partitions=1)
    start = now_ms() - 1_000_000
    good = [heart_rate([70.0], start=start + each * 1000) for each in range(999)]
    poison = b"\xc3\x01" + b'\x00garbage,\n"quoted"\\' * 3
    pipeline.publish(*good[:500])
    pipeline.publish_raw((b"k\x00ey", poison, [("content-type", b"avro/binary")]))
    pipeline.publish(*good[500:])
    with pipeline.consumer():
        pipeline.wait_for_messages(1000)
    assert pipeline.rows("SELECT COUNT(*) FROM livro_razao") == [(1,)]
    assert pipeline.rows("SELECT COUNT(*) FROM registro") == [(999,)]
    kept = pipeline.rows("SELECT motivo, chave, mensagem, cabecalhos FROM quarentena")
    [(reason, key, body, headers)] = kept
    assert (reason, bytes(key), bytes(body)) == ("unknown_schema", b"k\x00ey", poison)
    assert "content-type" in headers
    assert assert_proved(pipeline).refused_messages == 1
    [copy] = dead_letters(pipeline)
    assert (copy.key(), copy.value()) == (b"k\x00ey", poison)
    headers = dict(copy.headers())
    assert headers["content-type"] == b"avro/binary"
    assert headers["dlq-reason"] == b"unknown_schema"
    place = [headers[f"dlq-{name}"] for name in ("topic", "partition", "offset")]
    assert place == [pipeline.kafka.kafka_topic.encode(), b"0", b"500"]


def dead_letters(pipeline):
    topic = pipeline.kafka.kafka_dlq_topic
    return messages_in(pipeline.kafka.model_copy(update={"kafka_topic": topic}))


def test_dead_letters_are_copied_whatever_their_size_key_and_headers(pipeline):
    """From a tombstone without anything to the largest message that the topic takes."""
    largest = b"\xc3\x01" + bytes(1_040_000)
    headers = [("a", None), ("a", b"\xff"), ("", b"")]
    sent = [(None, None, None), (b"", b"{}", headers), (b"large", largest, None)]
    pipeline.publish_raw(*sent)
    with pipeline.consumer():
        pipeline.wait_for_messages(len(sent))
    copies = {(each.key(), each.value()) for each in dead_letters(pipeline)}
    assert copies == {(key, body) for key, body, _ in sent}
    [copy] = [each for each in dead_letters(pipeline) if each.value() == b"{}"]
    assert [each for each in copy.headers() if not each[0].startswith("dlq-")] == headers
    assert assert_proved(pipeline).refused_messages == len(sent)


def test_without_a_dead_letter_topic_quarantine_is_all_and_the_rest_goes_on(pipeline):
    pipeline.publish_raw((b"key", b"{}", None))
    pipeline.publish(heart_rate([70.0], start=now_ms()))
    with pipeline.consumer(KAFKA_DLQ_TOPIC=f"{pipeline.kafka.kafka_topic}-missing"):
        pipeline.wait_for_messages(2)
    assert "no_dead_letter_topic" in pipeline.log()
    proof = assert_proved(pipeline)
    assert (proof.refused_messages, proof.registro) == (1, 1)


def make_anew(pipeline, broker):
    """Deletes the topic and makes it again under the same name."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    name = pipeline.kafka.kafka_topic
    admin.delete_topics([name], operation_timeout=30)[name].result()
    while name in admin.list_topics(timeout=10).topics:
        time.sleep(0.1)
    create_topic(broker.bootstrap_servers, name, 4)


def test_a_topic_made_anew_that_has_outgrown_the_old_offsets_is_not_read(pipeline, broker):
    """By its offsets it looks like the old one; by its id it is another: the start says so at once."""
    pipeline.publish(*simulated(1))
    with pipeline.consumer():
        pipeline.wait_for_messages(10)
    before = everything(pipeline)
    make_anew(pipeline, broker)
    pipeline.publish(*simulated(3), archived=False)
    began = time.monotonic()
    with pipeline.consumer(STARTUP_WAIT_SECONDS="120") as consumer:
        assert consumer.wait(60) == 2
    assert time.monotonic() - began < 60
    assert "was deleted and made again" in pipeline.log()
    assert "set KAFKA_TOPIC" in pipeline.log()
    assert everything(pipeline) == before


def test_a_topic_made_anew_under_a_running_consumer_ends_it(pipeline, broker):
    pipeline.publish(*simulated(1))
    with pipeline.consumer() as consumer:
        pipeline.wait_for_messages(10)
        before = everything(pipeline)
        make_anew(pipeline, broker)
        pipeline.publish(*simulated(3), archived=False)
        assert consumer.wait(90) != 0
    assert everything(pipeline) == before


def test_a_corrected_reading_replaces_the_first_one(pipeline):
    """Of two batches for the same instant, the one at the newest offset is what registro shows."""
    start = now_ms()
    pipeline.publish(heart_rate([70.0, 71.0], start=start))
    with pipeline.consumer():
        pipeline.wait_for_messages(1)
        pipeline.publish(heart_rate([90.0], start=start, source="correction"))
        pipeline.wait_for_messages(2)
    assert [row[4] for row in pipeline.rows(REGISTRO)] == [Decimal("90.000"), Decimal("71.000")]
    assert assert_proved(pipeline).superseded == 1


def test_readings_keep_their_milliseconds_and_three_decimals(pipeline):
    start = now_ms() - 60_000 + 123
    runs = (
        Series("temperatura_corporal", None, "°F", start, 7, [98.6, 99.1234567]),
        Series("Movimentação", "X", "g", start + 1, 1, [1.0]),
    )
    identity = batch_id("t", "demo-000002", start)
    pipeline.publish(SensorBatch(identity, "demo-000002", "test", start, start, runs))
    with pipeline.consumer():
        pipeline.wait_for_messages(1)
    moments = [datetime.fromtimestamp(start / 1000, UTC).replace(tzinfo=None)] * 3
    found = pipeline.rows(REGISTRO)
    assert [(row[1], row[2], row[4]) for row in found] == [
        ("movimentacao", "x", Decimal("9.807")),
        ("temperatura_corporal", "valor", Decimal("37.000")),
        ("temperatura_corporal", "valor", Decimal("37.291")),
    ]
    offsets = [round((row[3] - moments[0]).total_seconds() * 1000) for row in found]
    assert offsets == [1, 0, 7]


def test_an_unmapped_reading_waits_in_quarantine_and_a_new_mapping_is_seen_at_once(pipeline):
    """Trusted all the same; once the patient is registered, the running consumer knows it."""
    start = now_ms()
    pipeline.publish(heart_rate([70.0, 71.0], start=start, patient_id="nobody"))
    with pipeline.consumer():
        pipeline.wait_for_messages(1)
        reasons = "SELECT motivo, COUNT(*) FROM quarentena GROUP BY 1"
        assert pipeline.rows(reasons) == [("unmapped", 2)]
        assert assert_proved(pipeline).registro == 0
        later = start + 60_000
        with connect(pipeline.database) as connection:
            register(connection, {("nobody", "frequencia_cardiaca"): later})
        pipeline.publish(heart_rate([72.0], start=later, patient_id="nobody"))
        pipeline.wait_for_messages(2)
    assert [row[4] for row in pipeline.rows(REGISTRO)] == [Decimal("72.000")]
    proof = assert_proved(pipeline)
    assert (proof.accepted, proof.unmapped, proof.registro, proof.quarantined) == (3, 2, 1, 0)
    with connect(pipeline.database) as connection:
        assert discard(connection, Selection(reason="unmapped")) == 2
    assert assert_proved(pipeline).unmapped == 2


def test_an_unmapped_reading_enters_registro_by_itself_once_its_patient_is_known(pipeline):
    """Within a minute of the mapping, in a consumer to which nothing else comes."""
    start = now_ms()
    pipeline.publish(heart_rate([70.0, 71.0], start=start, patient_id="nobody"))
    with pipeline.consumer():
        pipeline.wait_for_messages(1)
        with connect(pipeline.database) as connection:
            register(connection, {("nobody", "frequencia_cardiaca"): start + 1000})
        pipeline.wait_for("SELECT COUNT(*) FROM registro", 1, seconds=60)
    assert [row[4] for row in pipeline.rows(REGISTRO)] == [Decimal("71.000")]
    states = "SELECT estado, COUNT(*) FROM quarentena GROUP BY 1 ORDER BY 1"
    assert pipeline.rows(states) == [("aberta", 1), ("resolvida", 1)]
    proof = assert_proved(pipeline)
    assert (proof.accepted, proof.unmapped, proof.registro) == (2, 1, 1)


def test_a_consumer_that_may_wait_starts_before_the_tables_are_there(pipeline):
    """As in `vitals up`, where everything is started together."""
    later = pipeline.database.model_copy(update={"db_name": f"{pipeline.database.db_name}_later"})
    with pipeline.consumer(DB_NAME=later.db_name, STARTUP_WAIT_SECONDS="120") as consumer:
        deadline = time.monotonic() + 60
        while '"waiting"' not in pipeline.log():
            assert time.monotonic() < deadline, pipeline.log()
            assert consumer.poll() is None, pipeline.log()
            time.sleep(0.1)
        with connect(later, database=False) as connection:
            migrate(connection, later.db_name)
        while '"started"' not in pipeline.log():
            assert time.monotonic() < deadline, pipeline.log()
            time.sleep(0.1)
    with connect(pipeline.database) as connection:
        connection.cursor().execute(f"DROP DATABASE {later.db_name}")


def test_two_consumers_at_once_write_everything_once(pipeline):
    """Fenced by the partition's progress row: whoever comes second finds the range committed."""
    batches = simulated(windows=2)
    with pipeline.consumer(), pipeline.consumer():
        pipeline.publish(*batches)
        pipeline.wait_for_messages(len(batches))
        time.sleep(3)
    assert assert_proved(pipeline).produced == sum(batch.reading_count for batch in batches)


def logged(pipeline, event):
    """The lines of the consumer's log with this event."""
    lines = (pipeline.output / "consumer.log").read_text().splitlines()
    return [
        found
        for each in lines
        if each.startswith("{") and (found := json.loads(each))["event"] == event
    ]


def test_the_second_consumer_says_why_it_waits_and_when_it_goes_on(make_pipeline):
    """Once, with who it may be; longer than the server lets anybody wait for a lock."""
    pipeline = make_pipeline(partitions=1)
    start = now_ms()
    pipeline.publish(heart_rate([70.0], start=start))
    administer(pipeline, "SET GLOBAL innodb_lock_wait_timeout = 5")
    with pipeline.consumer():
        pipeline.wait_for_messages(1)
        with connect(pipeline.database) as holder:
            cursor = holder.cursor()
            cursor.execute("SELECT CONNECTION_ID() FROM progresso FOR UPDATE")
            [(number,)] = cursor.fetchall()
            pipeline.publish(heart_rate([71.0], start=start + 1000))
            deadline = time.monotonic() + 60
            while not logged(pipeline, "waiting_for_other_writer"):
                assert time.monotonic() < deadline, pipeline.log()
                time.sleep(0.1)
            time.sleep(8)
            holder.rollback()
        pipeline.wait_for_messages(2)
    administer(pipeline, "SET GLOBAL innodb_lock_wait_timeout = 50")
    [waiting] = logged(pipeline, "waiting_for_other_writer")
    assert (waiting["level"], waiting["partition"]) == ("warning", 0)
    assert any(each.startswith(f"session {number} from ") for each in waiting["one_of"])
    [done] = logged(pipeline, "other_writer_is_done")
    assert done["waited_s"] > 8
    assert_proved(pipeline)


def test_a_range_that_another_consumer_committed_is_told_once_and_written_by_nobody(make_pipeline):
    """The lock is held until both consumers wait for it; one writes, the other finds it written."""
    pipeline = make_pipeline(partitions=1)
    start = now_ms()
    pipeline.publish(heart_rate([70.0], start=start))
    with pipeline.consumer():
        pipeline.wait_for_messages(1)
        with pipeline.consumer(), connect(pipeline.database) as holder:
            while len(logged(pipeline, "started")) < 2:
                time.sleep(0.1)
            cursor = holder.cursor()
            cursor.execute("SELECT 1 FROM progresso FOR UPDATE")
            cursor.fetchall()
            pipeline.publish(heart_rate([71.0], start=start + 1000))
            deadline = time.monotonic() + 60
            while len(logged(pipeline, "waiting_for_other_writer")) < 2:
                assert time.monotonic() < deadline, pipeline.log()
                time.sleep(0.1)
            holder.rollback()
            while not logged(pipeline, "range_was_committed"):
                assert time.monotonic() < deadline, pipeline.log()
                time.sleep(0.1)
    [found] = logged(pipeline, "range_was_committed")
    assert (found["level"], found["ranges"]) == ("info", {"0": [1, 2]})
    written = [
        each for each in logged(pipeline, "batch_committed") if each["ranges"] == {"0": [1, 2]}
    ]
    assert len(written) == 1
    assert assert_proved(pipeline).registro == 2


def test_trusted_files_may_be_json_lines(pipeline):
    batches = simulated(windows=1)
    pipeline.publish(*batches)
    with pipeline.consumer(TRUSTED_FORMAT="jsonl"):
        pipeline.wait_for_messages(len(batches))
    assert_proved(pipeline)


def test_without_the_migrations_the_consumer_names_the_command(pipeline):
    with pipeline.consumer(DB_NAME="no_such_database") as consumer:
        assert consumer.wait(60) == 2
    assert "python -m db migrate" in pipeline.log()


def test_a_topic_made_anew_stops_the_consumer_with_the_way_out(pipeline):
    """The ledger is ahead of the topic's end: reading on would lose what the new topic holds."""
    with connect(pipeline.database) as connection:
        cursor = connection.cursor()
        cursor.execute("INSERT INTO progresso VALUES (%s, 0, 5)", (pipeline.kafka.kafka_topic,))
        connection.commit()
    with pipeline.consumer() as consumer:
        assert consumer.wait(60) == 2
    assert "was deleted and made again" in pipeline.log()
