"""Partitions that are added to the topic: from then on most patients are in another one.

Read on, a correction in its new partition could be committed before the value that it corrects, which
still waits in the old one. So everything that was sent before is committed first, up to the first
message of each partition that would not have been there (docs/decisions/0025).
"""

from collections.abc import Callable, Mapping

import structlog

from common.broker.partitioner import partition_of
from common.broker.reader import Span, TopicReader
from common.settings import KafkaSettings

_MESSAGES_PER_BEAT = 10_000

_log = structlog.get_logger()


def ends_before_growth(
    kafka: KafkaSettings, committed: Mapping[int, int], beat: Callable[[], object]
) -> dict[int, int]:
    """Up to where the partitions that were ``committed`` hold what was sent before there were more.

    Reads the keys of the backlog. ``beat`` is called from time to time. Raises as `TopicReader` does.
    """
    with TopicReader(kafka) as reader:
        ends = {number: reader.span(kafka.kafka_topic, number).until for number in committed}
        for number, first in committed.items():
            wanted = {number: Span(first, ends[number])}
            for count, message in enumerate(reader.read(kafka.kafka_topic, wanted)):
                if count % _MESSAGES_PER_BEAT == 0:
                    beat()
                key = message.key()
                if key and partition_of(bytes(key), len(committed)) != number:
                    ends[number] = message.offset() or 0
                    break
    hint = "what was sent before is committed first, then all partitions are read"
    _log.info("partitions_added", before=len(committed), ends=ends, hint=hint)
    return ends
