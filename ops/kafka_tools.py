"""Kafka's console tools in the jars, and what each is for."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class KafkaTool:
    """``main_class`` None: it takes the class as its first argument."""

    main_class: str | None
    purpose: str


RUN_CLASS = "run-class"
TOOLS = {
    "topics": KafkaTool(
        "org.apache.kafka.tools.TopicCommand", "list, describe, create and alter topics"
    ),
    "console-consumer": KafkaTool(
        "org.apache.kafka.tools.consumer.ConsoleConsumer", "print the messages of a topic"
    ),
    "console-producer": KafkaTool(
        "org.apache.kafka.tools.ConsoleProducer", "publish lines from standard input"
    ),
    "consumer-groups": KafkaTool(
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        "show groups, their offsets and their lag",
    ),
    "configs": KafkaTool(
        "org.apache.kafka.tools.ConfigCommand", "show and change settings of topics"
    ),
    "get-offsets": KafkaTool(
        "org.apache.kafka.tools.GetOffsetShell", "print the offsets of a topic's partitions"
    ),
    "producer-perf-test": KafkaTool(
        "org.apache.kafka.tools.ProducerPerformance", "measure how fast messages are published"
    ),
    "consumer-perf-test": KafkaTool(
        "org.apache.kafka.tools.ConsumerPerformance", "measure how fast messages are consumed"
    ),
    RUN_CLASS: KafkaTool(None, "run any other class of Kafka's jars"),
}
SERVER_OPTION, OPTIONS_OPTION = "--bootstrap-server", "--command-config"
_HELP = {"--help", "--version"}


def needs_server(tool: str, arguments: Sequence[str]) -> bool:
    """Whether a tool needs our broker: no other is named, and it is not asked for its help."""
    is_named = any(word.partition("=")[0] == SERVER_OPTION for word in arguments)
    return tool != RUN_CLASS and not is_named and not _HELP & set(arguments)
