"""Kafka's client for those who only look: it joins no group, and nobody's offsets change."""

from typing import Any

from confluent_kafka import Consumer

from common.settings import KafkaSettings


def onlooker(settings: KafkaSettings, group: str, **options: Any) -> Consumer:
    """Connects with the first question; ``options``: more of the client's own, with _ for dots."""
    return Consumer(
        {
            "bootstrap.servers": settings.kafka_bootstrap_servers,
            "group.id": group,
            "enable.auto.commit": False,
            "log_level": 0,
            **{name.replace("_", "."): value for name, value in options.items()},
        }
    )
