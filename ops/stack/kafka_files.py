"""The configuration files of the embedded Kafka."""

from pathlib import Path
from xml.sax.saxutils import quoteattr

from ops.stack.ports import LOOPBACK

_PATTERN = "%d{ISO8601} %p %c{1} %m%n"

TOOL_LOGGING = """<Configuration status="OFF"><Appenders>
<Console name="console" target="SYSTEM_ERR"><PatternLayout pattern="%p %c{1}: %m%n"/></Console>
</Appenders><Loggers><Root level="error"><AppenderRef ref="console"/></Root></Loggers>
</Configuration>
"""


def broker_properties(
    data: Path, port: int, controller_port: int, *, advertised_port: int | None = None
) -> str:
    """One node that is both broker and controller, for this machine only.

    ``data``: relative to the broker's current folder, because a comma in ``log.dirs`` separates
    folders and Java reads the file as Latin-1. ``advertised_port``: the port clients are sent to, if
    not ``port``.
    """
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{advertised_port or port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
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
        "controlled.shutdown.max.retries": "1",
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


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
