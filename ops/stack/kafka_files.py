"""The files of the embedded Kafka: its configuration, and a data folder that has not run yet."""

import functools
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import quoteattr

from common.atomic import write_atomic
from common.broker.clients import connection_options
from common.broker.principals import ALL_POWERFUL, Principal
from common.settings import KafkaSettings
from ops.stack.ports import LOOPBACK

_PATTERN = "%d{ISO8601} %p %c{1} %m%n"

TOOL_LOGGING = """<Configuration status="OFF"><Appenders>
<Console name="console" target="SYSTEM_ERR"><PatternLayout pattern="%p %c{1}: %m%n"/></Console>
</Appenders><Loggers><Root level="error"><AppenderRef ref="console"/></Root></Loggers>
</Configuration>
"""

CLIENTS, BROKER, PLAIN, CONTROLLER = "CLIENTS", "BROKER", "PLAIN", "CONTROLLER"
CIPHERS = ("TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256")
"""In the order in which a server of ours prefers them."""
FORMATTED = "meta.properties"
"""Written last: it says that the data folder is formatted."""
_MODULES = "org.apache.kafka.common.security"
_AUTHORIZER = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"


@dataclass(frozen=True)
class Places:
    """Where the broker listens, on the loopback."""

    port: int
    """For clients."""
    broker_port: int
    """For itself, and for whoever gives the clients their logins."""
    controller_port: int
    advertised_port: int | None = None
    """The port clients are sent to, if not ``port``."""
    plain_port: int | None = None
    """By name only: for clients without TLS and login, who may do anything."""

    @property
    def listeners(self) -> dict[str, int]:
        """The ports by the listeners' names."""
        ports = {CLIENTS: self.port, BROKER: self.broker_port, CONTROLLER: self.controller_port}
        return ports | ({PLAIN: self.plain_port} if self.plain_port else {})


@dataclass(frozen=True)
class Logins:
    """What the broker knows before it has read its own metadata."""

    folder: Path
    """Of `kafka_server.pem` and `ca.pem`; relative to the broker's current folder."""
    passwords: Mapping[Principal, str]
    """Of those who log in at the listener `BROKER`."""


def broker_properties(data: Path, places: Places, logins: Logins) -> dict[str, str]:
    """One node that is both broker and controller, for this machine only.

    ``data``: relative to the broker's current folder, because a comma in ``log.dirs`` separates
    folders and Java reads the file as Latin-1.
    """
    advertised = places.listeners | {CLIENTS: places.advertised_port or places.port}
    del advertised[CONTROLLER]
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{places.controller_port}",
        "controller.listener.names": CONTROLLER,
        "listeners": _addresses(places.listeners),
        "advertised.listeners": _addresses(advertised),
        "inter.broker.listener.name": BROKER,
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        # on one machine a group's members join at once: there is nothing to wait for
        "group.initial.rebalance.delay.ms": "0",
        # each half second by default: a twentieth of a core, for followers that there are none of
        "metadata.max.idle.interval.ms": "10000",
        "controlled.shutdown.max.retries": "1",
        **_security(places, logins),
    }


def _security(places: Places, logins: Logins) -> dict[str, str]:
    protocols = {name: "PLAINTEXT" if name == PLAIN else "SASL_SSL" for name in places.listeners}
    nobody = ("ANONYMOUS",) if places.plain_port else ()
    options = {
        "listener.security.protocol.map": ",".join(map(":".join, protocols.items())),
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        f"listener.name.{CLIENTS.lower()}.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        f"listener.name.{CLIENTS.lower()}.scram-sha-512.sasl.jaas.config": f"{_MODULES}.scram"
        ".ScramLoginModule required;",
        "ssl.enabled.protocols": "TLSv1.3",
        # in Java AES is the slowest of the three, five times where its JVM optimises little (docs/decisions/0036)
        "ssl.cipher.suites": ",".join(CIPHERS),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(logins.folder / "kafka_server.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(logins.folder / "ca.pem"),
        "authorizer.class.name": _AUTHORIZER,
        "allow.everyone.if.no.acl.found": "false",
        "super.users": ";".join(f"User:{name}" for name in (*ALL_POWERFUL, *nobody)),
    }
    known = "".join(f' user_{name}="{text}"' for name, text in logins.passwords.items())
    own = f'username="{Principal.BROKER}" password="{logins.passwords[Principal.BROKER]}"'
    for name in (BROKER, CONTROLLER):
        listener = f"listener.name.{name.lower()}"
        options[f"{listener}.sasl.enabled.mechanisms"] = "PLAIN"
        options[f"{listener}.plain.sasl.jaas.config"] = (
            f"{_MODULES}.plain.PlainLoginModule required {own}{known};"
        )
    return options


def _addresses(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in ports.items())


def properties_text(properties: Mapping[str, str]) -> str:
    """As Java reads it."""
    # the escapes of JSON are those of Java
    return "".join(f"{name}={json.dumps(value)[1:-1]}\n" for name, value in properties.items())


@contextmanager
def tool_options(settings: KafkaSettings) -> Iterator[Path]:
    """A private file with which a console tool logs in; it is deleted at the end of the block."""
    options = connection_options(settings)
    # the tools have an option of their own for it
    del options["bootstrap.servers"]
    with tempfile.NamedTemporaryFile("w", suffix=".properties", encoding="ascii") as file:
        file.write(properties_text(options))
        file.flush()
        yield Path(file.name)


def copy_formatted(source: Path, target: Path) -> None:
    """Copies a formatted data folder. Safe to repeat."""
    # which files there are depends on Kafka's version
    files = [path for path in source.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name == FORMATTED):
        copy = target / path.relative_to(source)
        write_atomic(copy, functools.partial(_write, path.read_bytes()))


def _write(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def log4j_configuration(log: Path) -> str:
    """Logs everything to one file, rotated at 20 MB; one old file is kept.

    ``log``: relative, because Log4j gives a meaning to ``%`` and ``$`` in a path.
    """
    name, old = quoteattr(str(log)), quoteattr(f"{log}.%i")
    return f"""<Configuration status="ERROR"><Appenders>
<RollingFile name="file" fileName={name} filePattern={old}>
<PatternLayout pattern="{_PATTERN}"/>
<SizeBasedTriggeringPolicy size="20MB"/><DefaultRolloverStrategy max="1"/>
</RollingFile></Appenders>
<Loggers><Root level="info"><AppenderRef ref="file"/></Root></Loggers></Configuration>
"""
