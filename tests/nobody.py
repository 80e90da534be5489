"""A broker that nobody runs."""

from common.settings import KafkaSecurity, KafkaSettings


def plain_broker(port: int) -> KafkaSettings:
    """Without TLS and login, on this machine."""
    return KafkaSettings(
        kafka_bootstrap_servers=f"127.0.0.1:{port}", kafka_security_protocol=KafkaSecurity.PLAINTEXT
    )


NO_BROKER = plain_broker(1)
