"""A connection of our own to a broker, as secure as the settings say, for requests that no client sends."""

import contextlib
import socket
import ssl
import struct
from collections.abc import Iterator

from common.broker.addresses import Address, addresses
from common.broker.scram import ScramError, log_in
from common.settings import KafkaSecurity, KafkaSettings, SaslMechanism

_CLIENT = b"vitals"
_SASL_HANDSHAKE, _SASL_AUTHENTICATE = (17, 1), (36, 0)
_MOST_BYTES = 64_000_000
_ASK_SECONDS = 2.0
_DIGESTS = {SaslMechanism.SCRAM_SHA_512: "sha512", SaslMechanism.SCRAM_SHA_256: "sha256"}


class LoginError(OSError):
    """The broker does not take the login, or does not know our password itself."""


class BrokerConnection:
    """One request at a time; logged in. Every method raises OSError or struct.error."""

    def __init__(self, stream: socket.socket) -> None:
        """``stream``: connected."""
        self._stream, self._answers = stream, stream.makefile("rb")

    def ask(self, api: tuple[int, int], body: bytes) -> bytes:
        """The answer's body; ``api``: its key and version, one whose headers have no tags."""
        request = struct.pack(">hhih", *api, 1, len(_CLIENT)) + _CLIENT + body
        self._stream.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", self._answers.read(4))
        return self._answers.read(max(0, min(size, _MOST_BYTES)))[4:]

    def log_in(self, settings: KafkaSettings) -> None:
        """Proves who we are."""
        mechanism = settings.kafka_sasl_mechanism.encode()
        answer = self.ask(_SASL_HANDSHAKE, struct.pack(">h", len(mechanism)) + mechanism)
        if struct.unpack_from(">h", answer) != (0,):
            raise LoginError(f"it does not take {settings.kafka_sasl_mechanism}")
        user, secret = settings.kafka_sasl_username or "", settings.kafka_sasl_password
        password = secret.get_secret_value() if secret else ""
        digest = _DIGESTS.get(settings.kafka_sasl_mechanism)
        try:
            if digest is None:
                self._authenticate(b"\0" + user.encode() + b"\0" + password.encode())
            else:
                log_in(digest, user, password, self._authenticate)
        except (ScramError, ValueError) as error:
            raise LoginError(f"the login fails: {error}") from error

    def _authenticate(self, message: bytes) -> bytes:
        answer = self.ask(_SASL_AUTHENTICATE, struct.pack(">i", len(message)) + message)
        code, said = struct.unpack_from(">hh", answer)
        place = 4 + max(said, 0)
        if code:
            raise LoginError(f"it refuses the login: {answer[4:place].decode(errors='replace')}")
        (size,) = struct.unpack_from(">i", answer, place)
        return answer[place + 4 : place + 4 + max(size, 0)]


@contextlib.contextmanager
def connected(
    settings: KafkaSettings, address: Address, timeout_s: float
) -> Iterator[BrokerConnection]:
    """A connection that is closed at the end of the block. Raises OSError, struct.error."""
    if settings.kafka_security_protocol is KafkaSecurity.PLAINTEXT:
        with socket.create_connection(address, timeout=timeout_s) as stream:
            yield BrokerConnection(stream)
        return
    with secured(settings, address, timeout_s) as stream:
        connection = BrokerConnection(stream)
        connection.log_in(settings)
        yield connection


@contextlib.contextmanager
def secured(settings: KafkaSettings, address: Address, timeout_s: float) -> Iterator[ssl.SSLSocket]:
    """A TLS stream, not logged in, to a server whose certificate and name are verified.

    It is closed at the end of the block. Raises OSError.
    """
    context = ssl.create_default_context(cafile=settings.kafka_ssl_ca)
    with (
        socket.create_connection(address, timeout=timeout_s) as plain,
        context.wrap_socket(plain, server_hostname=address[0]) as stream,
    ):
        yield stream


def refusal(settings: KafkaSettings) -> str | None:
    """Why a broker does not let us in, which its clients do not say; None: none answers, or one does."""
    if settings.kafka_security_protocol is KafkaSecurity.PLAINTEXT:
        return None
    for address in addresses(settings.kafka_bootstrap_servers):
        try:
            with connected(settings, address, _ASK_SECONDS):
                return None
        except ssl.SSLCertVerificationError as error:
            return f"its certificate is not trusted: {error.verify_message}"
        except (ssl.SSLError, LoginError) as error:
            return str(error)
        except (OSError, struct.error):
            continue
    return None


def lets_us_in(settings: KafkaSettings, timeout_s: float) -> bool:
    """Whether one of the servers takes our login: what one of them knows is the cluster's."""
    for address in addresses(settings.kafka_bootstrap_servers):
        with (
            contextlib.suppress(OSError, struct.error),
            connected(settings, address, timeout_s),
        ):
            return True
    return False
