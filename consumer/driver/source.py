"""The topic as a streaming DataFrame, from given offsets on."""

import json
from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession

from common.broker.clients import COMMITTED, connection_options
from common.settings import KafkaSettings
from consumer.settings import ConsumerSettings


def read_topic(
    spark: SparkSession,
    kafka: KafkaSettings,
    settings: ConsumerSettings,
    starting_offsets: Mapping[int, int],
) -> DataFrame:
    """Columns key, value, headers, topic, partition, offset, timestamp; one task per partition.

    Only the partitions that ``starting_offsets`` names are read, and only committed transactions.
    Messages that retention removed while we read fail the query instead of being skipped.
    """
    start = {kafka.kafka_topic: {str(partition): at for partition, at in starting_offsets.items()}}
    partitions = {kafka.kafka_topic: sorted(starting_offsets)}
    connection = {f"kafka.{name}": value for name, value in connection_options(kafka).items()}
    return (
        spark.readStream.format("kafka")
        .options(**connection)
        .option("kafka.isolation.level", COMMITTED)
        .option("assign", json.dumps(partitions))
        .option("startingOffsets", json.dumps(start))
        .option("maxOffsetsPerTrigger", settings.messages_a_batch(len(starting_offsets)))
        .option("includeHeaders", "true")
        .option("failOnDataLoss", "true")
        # between two micro-batches a cached consumer has a fetch at the end of the log under way, and
        # the next task waits until the broker answers it: half a second by default
        .option("kafka.fetch.max.wait.ms", "10")
        # a broker that is lost holds a question of the driver for seconds, not for a minute; and while
        # a majority of them is away, the query waits for minutes, as for a database that is away
        .option("kafka.request.timeout.ms", "2500")
        .option("kafka.default.api.timeout.ms", "2500")
        .option("fetchOffset.retryIntervalMs", "200")
        .option("fetchOffset.numRetries", "110")
        .option("groupIdPrefix", f"{kafka.kafka_group}-spark")
        .load()
    )
