"""When certificates end: as the servers show them, so that it holds for anybody's servers."""

import contextlib
import socket
import ssl
from collections.abc import Mapping

from common.broker.addresses import Address, addresses
from common.settings import KafkaSecurity, KafkaSettings
from db.connection import Connection
from db.schema.rotation import certificate_end

_TIMEOUT_S = 5.0


def ends_seen(kafka: KafkaSettings, database: Connection | None) -> dict[str, float]:
    """Unix seconds, by ``kafka`` (of its servers the first to end), ``database`` and ``authority``.

    A server without a certificate is not in it, nor is one that does not answer: others report that.
    """
    found = _broker(kafka)
    if database is not None and (end := certificate_end(database)):
        found["database"] = ssl.cert_time_to_seconds(end)
    return found


def _broker(kafka: KafkaSettings) -> dict[str, float]:
    if kafka.kafka_security_protocol is KafkaSecurity.PLAINTEXT:
        return {}
    ends: list[float] = []
    with contextlib.suppress(OSError):
        context = ssl.create_default_context(cafile=kafka.kafka_ssl_ca)
        for address in addresses(kafka.kafka_bootstrap_servers):
            with contextlib.suppress(OSError):
                ends.append(_shown(context, address))
    if not ends:
        return {}
    found = {"kafka": min(ends)}
    if kafka.kafka_ssl_ca:
        # while authorities change there are two: the one that stays is what counts
        found["authority"] = max(map(_end, context.get_ca_certs()))
    return found


def _shown(context: ssl.SSLContext, address: Address) -> float:
    with (
        socket.create_connection(address, timeout=_TIMEOUT_S) as stream,
        context.wrap_socket(stream, server_hostname=address[0]) as secured,
    ):
        return _end(secured.getpeercert() or {})


def _end(certificate: Mapping[str, object]) -> float:
    return ssl.cert_time_to_seconds(str(certificate["notAfter"]))
