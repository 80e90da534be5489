"""How a part of the embedded stack proves to the broker who it is, under the names that every part reads."""

from pathlib import Path

from common.broker.principals import Principal
from common.settings import KafkaSecurity, KafkaSettings, SaslMechanism, load
from ops.credentials.authority import AUTHORITY
from ops.credentials.passwords import login_file


def broker_environment(secrets: Path, server: str, principal: Principal) -> dict[str, str]:
    """The address of the broker and a principal's login; holds no password. ``secrets``: absolute."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": server,
        "KAFKA_SECURITY_PROTOCOL": KafkaSecurity.SASL_SSL.value,
        "KAFKA_SASL_MECHANISM": SaslMechanism.SCRAM_SHA_512.value,
        "KAFKA_SASL_USERNAME": principal.value,
        "KAFKA_SASL_PASSWORD_FILE": str(secrets / login_file(principal)),
        "KAFKA_SSL_CA": str(secrets / AUTHORITY),
    }


def broker_settings(secrets: Path, server: str, principal: Principal) -> KafkaSettings:
    """The same for our own clients. Raises ConfigurationError if the password cannot be read."""
    found = broker_environment(secrets, server, principal)
    return load(KafkaSettings, **{name.lower(): value for name, value in found.items()})
