"""A broker that reads its certificate again without a restart."""

from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from common.broker.clients import admin
from common.broker.faults import reported
from common.settings import KafkaSettings

_TIMEOUT_S = 30.0


def reload_certificates(settings: KafkaSettings) -> None:
    """Lets every broker read its key store again; open connections stay.

    Removes a setting of the broker that is not set: any such change makes Kafka look at the file, whose
    name is the same. Safe to repeat. Raises UnavailableError or ConfigurationError.
    """
    # librdkafka wants a value, and ignores it
    unset: Any = ConfigEntry(
        "ssl.keystore.location", "", incremental_operation=AlterConfigOpType.DELETE
    )
    client = admin(settings)
    with reported("read the broker's certificate again", settings):
        for broker in client.list_topics(timeout=_TIMEOUT_S).brokers:
            resource = ConfigResource(
                ConfigResource.Type.BROKER, str(broker), incremental_configs=[unset]
            )
            for answer in client.incremental_alter_configs([resource]).values():
                answer.result(_TIMEOUT_S)
