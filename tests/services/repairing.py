"""What the tests of reconcile, repair and republication do to a pipeline, and how they look at it."""

from confluent_kafka import Consumer, TopicPartition

from common.broker.clients import client_options
from ops.cli.commands.reconcile import prove
from schemas.batch import SensorBatch, Series, batch_id


def heart_rate(values, *, start, source="test", produced=None):
    series = Series("frequencia_cardiaca", None, "bpm", start, 1000, values)
    made = batch_id(source, "demo-000001", start)
    return SensorBatch(made, "demo-000001", "test", start, produced or start, (series,))


def look(pipeline):
    return prove(pipeline.kafka, pipeline.database, pipeline.output)


def state(pipeline):
    """Everything that a dry run must not change."""
    tables = ("registro", "quarentena", "lote", "livro_razao", "progresso")
    rows = {name: sorted(map(str, pipeline.rows(f"SELECT * FROM {name}"))) for name in tables}
    folders = [pipeline.output / name for name in ("raw", "trusted")]
    files = {
        path: path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }
    return rows, files, message_count(pipeline)


def message_count(pipeline):
    client = Consumer({**client_options(pipeline.kafka), "group.id": "counter"})
    topic = pipeline.kafka.kafka_topic
    partitions = client.list_topics(topic, timeout=10).topics[topic].partitions
    places = [TopicPartition(topic, partition) for partition in partitions]
    count = sum(client.get_watermark_offsets(place, 10)[1] for place in places)
    client.close()
    return count


def trusted(pipeline):
    return sorted(pipeline.output.glob("trusted/date=*/*.parquet"))
