"""``python -m benchmarks.spark_noop TOPIC PASSES``: Kafka -> from_avro -> noop, seconds as JSON."""

import json
import sys
import time

from pyspark.sql import functions as F  # noqa: N812 - its usual name
from pyspark.sql.avro.functions import from_avro

from common.broker.clients import COMMITTED, connection_options
from common.settings import KafkaSettings, load
from consumer.driver.session import build_session
from consumer.settings import ConsumerSettings
from schemas.wire.versions import HEADER_SIZE, latest


def main(topic: str, passes: int) -> list[float]:
    """Reads the whole topic ``passes`` times, in the consumer's own session."""
    kafka = load(KafkaSettings)
    spark = build_session(load(ConsumerSettings))
    seconds = []
    for _ in range(passes):
        messages = (
            spark.read.format("kafka")
            .options(**{f"kafka.{name}": at for name, at in connection_options(kafka).items()})
            .option("subscribe", topic)
            .option("kafka.isolation.level", COMMITTED)
            .load()
        )
        datum = F.substring("value", HEADER_SIZE + 1, 1_000_000)
        decoded = messages.select(from_avro(datum, latest().plain_json).alias("batch"))
        began = time.perf_counter()
        decoded.write.format("noop").mode("overwrite").save()
        seconds.append(time.perf_counter() - began)
    spark.stop()
    return seconds


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))  # noqa: T201 - for the process that reads it
