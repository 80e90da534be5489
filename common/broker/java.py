"""How Kafka's Java clients learn a password: they read it themselves, so that no option holds it."""

from pathlib import Path

from pydantic import SecretStr

from common.errors import ConfigurationError
from common.secret import PlacedSecret
from common.settings import KafkaSettings, SaslMechanism

_PROVIDERS = "org.apache.kafka.common.config.provider"
_MODULES = "org.apache.kafka.common.security"
_QUOTED = '"\\\n\r'


def java_login(settings: KafkaSettings) -> dict[str, str]:
    """The login module with its user, and where it finds the password.

    Raises ConfigurationError if Java cannot read the password there.
    """
    is_plain = settings.kafka_sasl_mechanism is SaslMechanism.PLAIN
    module = f"{_MODULES}.{'plain.PlainLoginModule' if is_plain else 'scram.ScramLoginModule'}"
    user, secret = settings.kafka_sasl_username or "", settings.kafka_sasl_password
    provider, reference = _reference(secret)
    _require_plain(user, "KAFKA_SASL_USERNAME")
    return {
        "sasl.jaas.config": f'{module} required username="{user}" password="{reference}";',
        **provider,
    }


def _reference(secret: SecretStr | None) -> tuple[dict[str, str], str]:
    """The client's options for finding the secret, and the text that it replaces by it."""
    place = secret.place if isinstance(secret, PlacedSecret) else None
    if isinstance(place, Path):
        _require_plain(place.read_text(encoding="utf-8"), str(place))
        if any(mark in str(place) for mark in ":}"):
            raise ConfigurationError(
                f"Kafka's Java clients cannot read a password in {place}",
                hint="move it to a folder without a colon or a brace in its name",
            )
        provider = _provider("directory", "DirectoryConfigProvider")
        return provider, f"${{directory:{place.parent}:{place.name}}}"
    if secret is None or place is None:
        raise ConfigurationError(
            "Kafka's Java clients need a password that is in a file or a variable"
        )
    _require_plain(secret.get_secret_value(), place)
    return _provider("env", "EnvVarConfigProvider"), f"${{env:{place}}}"


def _provider(name: str, kind: str) -> dict[str, str]:
    return {"config.providers": name, f"config.providers.{name}.class": f"{_PROVIDERS}.{kind}"}


def _require_plain(text: str, what: str) -> None:
    if any(mark in text for mark in _QUOTED):
        raise ConfigurationError(
            f"Kafka's Java clients cannot read {what}: it holds a quote, a backslash or a line end",
            hint="choose another one; write a file without a line end: printf %s 'PASSWORD' > FILE",
        )
