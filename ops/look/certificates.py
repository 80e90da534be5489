"""When certificates end: as the servers show them, so that it holds for anybody's servers."""

import contextlib
import ssl
from collections.abc import Mapping

from common.broker.addresses import addresses
from common.broker.connection import secured
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
    ends, authorities = list[float](), list[float]()
    for address in addresses(kafka.kafka_bootstrap_servers):
        with contextlib.suppress(OSError), secured(kafka, address, _TIMEOUT_S) as stream:
            ends.append(_end(stream.getpeercert() or {}))
            authorities += map(_end, stream.context.get_ca_certs())
    if not ends:
        return {}
    found = {"kafka": min(ends)}
    if kafka.kafka_ssl_ca:
        # while authorities change there are two: the one that stays is what counts
        found["authority"] = max(authorities)
    return found


def _end(certificate: Mapping[str, object]) -> float:
    return ssl.cert_time_to_seconds(str(certificate["notAfter"]))
