"""What a Kafka client error means: try again later, or change something first."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from common.broker.connection import refusal
from common.errors import ConfigurationError, UnavailableError, VitalsError
from common.settings import KafkaSettings

# those with an underscore are librdkafka's own
_AWAY = {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE}  # noqa: SLF001
_AWAY |= {KafkaError._TIMED_OUT, KafkaError._MSG_TIMED_OUT}  # noqa: SLF001
# we gave up waiting for an answer
_AWAY |= {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}  # noqa: SLF001
_NO_TOPIC = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}  # noqa: SLF001
_REFUSED = {KafkaError.TOPIC_EXCEPTION, KafkaError.POLICY_VIOLATION, KafkaError.INVALID_CONFIG}
_REFUSED |= {KafkaError.INVALID_PARTITIONS, KafkaError.INVALID_REPLICATION_FACTOR}
_REFUSED |= {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}
_REFUSED |= {KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.SASL_AUTHENTICATION_FAILED}
_REFUSED |= {KafkaError.UNSUPPORTED_SASL_MECHANISM, KafkaError._AUTHENTICATION}  # noqa: SLF001


def is_away(error: KafkaError) -> bool:
    """True if no broker answered; otherwise the broker refused."""
    return error.code() in _AWAY


def explained(error: KafkaError, operation: str, settings: KafkaSettings) -> VitalsError:
    """The error to raise; ``operation``: "read topic x"."""
    where = f"cannot {operation}: the broker at {settings.kafka_bootstrap_servers}"
    if error.code() in _NO_TOPIC:
        return ConfigurationError(
            f"{where} has no such topic",
            hint="check the topic's name (KAFKA_TOPIC); `vitals up` and `vitals setup` create topics",
        )
    if error.code() in _REFUSED:
        return ConfigurationError(
            f"{where} refuses it: {error.str()}",
            hint="check the names in the settings, and what the broker allows this client to do",
        )
    if is_away(error) and (why := refusal(settings)):
        return UnavailableError(
            f"{where} does not let us in: {why}",
            hint="check KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_* and KAFKA_SSL_CA",
        )
    said = "does not answer" if is_away(error) else "has trouble"
    return UnavailableError(
        f"{where} {said}: {error.str()}",
        hint="check KAFKA_BOOTSTRAP_SERVERS and that the broker runs; `vitals up` starts one",
    )


@contextmanager
def reported(operation: str, settings: KafkaSettings) -> Iterator[None]:
    """Turns the client's errors into ours; ``operation``: "read topic x".

    Raises:
        UnavailableError: the broker does not answer or is busy; the same call may work later.
        ConfigurationError: with what to change, such as a topic that does not exist.
    """
    try:
        yield
    except KafkaException as error:
        raise explained(error.args[0], operation, settings) from error
