"""``vitals kafka``: the console tools of the embedded Kafka."""

from collections.abc import Sequence

from common.errors import ConfigurationError
from ops.cli.foreign import run_plainly
from ops.cli.frame import Service, require
from ops.cli.known import KAFKA_TOOLS
from ops.kafka_tools import needs_server
from ops.stack import JarSet, KafkaBroker, find_java, jar_source, retrieve
from ops.stack.broker import reaching
from ops.stack.exports import KAFKA_FOLDER
from ops.stack.invocation import Invocation
from ops.stack.kafka_files import tool_options
from ops.stack.server import remembered_port


def run_kafka_tool(invocation: Invocation, name: str, arguments: Sequence[str]) -> int:
    """Runs a tool in this terminal and returns its exit code.

    ``--bootstrap-server`` is the broker of the environment, else the embedded one, unless given.

    Raises:
        ConfigurationError: there is no such tool, or no Java to run it.
        UnavailableError: no broker to talk to.
    """
    KAFKA_TOOLS.require(name)
    if needs_server(name, arguments):
        require(invocation, Service.BROKER)
    settings = invocation.settings
    try:
        java = find_java(settings.java_home)
    except ConfigurationError as error:
        in_containers = f"docker compose exec kafka /opt/kafka/bin/kafka-{name}.sh"
        raise ConfigurationError(
            error.message, hint=f"{error.hint}; the stack in containers has it: {in_containers}"
        ) from error
    source = jar_source(settings.cache, java, settings.vitals_ivy_settings)
    retrieve(source, JarSet.KAFKA)
    folder = settings.home / KAFKA_FOLDER
    broker = KafkaBroker(folder, source.folder, remembered_port(folder), java=source.java)
    broker.prepare_tools()
    if not needs_server(name, arguments):
        return run_plainly(broker.tool_command(name, arguments))
    kafka = invocation.kafka()
    with tool_options(kafka) as options:
        return run_plainly(broker.tool_command(name, arguments, reaching(kafka, options)))
