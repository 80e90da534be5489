"""A Spark cluster of two workers that share one folder only, and a Kafka of three brokers."""

import base64
import os
import shutil
import subprocess
import sys
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path

from common.broker.principals import ALL_POWERFUL
from common.broker.topics import cluster as brokers_of
from common.errors import UnavailableError
from common.settings import KafkaSecurity, KafkaSettings
from ops.stack import ChildProcess
from ops.stack.broker import KafkaBroker
from ops.stack.kafka_files import (
    BROKER,
    CLIENTS,
    CONTROLLER,
    Logins,
    Places,
    broker_properties,
    properties_text,
)
from ops.stack.ports import LOOPBACK, quiet_port, wait_for_port
from tests.programs import FRUGAL_JVM
from tests.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
_OURS = ("common", "consumer", "db", "schemas", "ops", "producer")
_NAMESPACE = ["unshare", "--mount", "--propagation", "private"]
# nothing of the output folder is there but the shared one, and nothing of our code
_HIDE = """set -e
output=$1 shared=$2 code=$3; shift 3
kept=$(mktemp -d)
[ "$shared" = no ] || mount --bind "$output/trusted" "$kept"
mount -t tmpfs vitals "$output"
mkdir "$output/trusted"
[ "$shared" = no ] || mount --bind "$kept" "$output/trusted"
for package in $code; do mount -t tmpfs vitals "$package"; done
exec "$@"
"""


@contextmanager
def three_brokers(folder, jars):
    """Yields the settings, and the processes by their number: the first is killed by tests."""
    ports = [(quiet_port(), quiet_port()) for _ in range(3)]
    tools = KafkaBroker(folder / "tools", jars)
    tools.prepare_tools()
    identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    nodes = [_node(folder / str(number), tools, number, ports, identity) for number in (1, 2, 3)]
    settings = KafkaSettings(
        kafka_bootstrap_servers=",".join(f"{LOOPBACK}:{port}" for port, _ in ports),
        kafka_security_protocol=KafkaSecurity.PLAINTEXT,
    )
    try:
        for node in nodes:
            node.start()
        wait_until(lambda: _are_there(settings), lambda: nodes[0].log.read_text()[-3000:])
        yield settings, nodes
    finally:
        for node in nodes:
            node.kill()


def _node(folder, tools, number, ports, identity):
    folder.mkdir(parents=True)
    voters = ",".join(f"{node}@{LOOPBACK}:{port}" for node, (_, port) in enumerate(ports, 1))
    more = {
        # somebody else's Kafka, on a network of its own
        "listener.security.protocol.map": ",".join(
            f"{listener}:PLAINTEXT" for listener in (CLIENTS, BROKER, CONTROLLER)
        ),
        "authorizer.class.name": "",
        "node.id": str(number),
        "controller.quorum.voters": voters,
        "default.replication.factor": "3",
        "min.insync.replicas": "2",
        "offsets.topic.replication.factor": "3",
        "transaction.state.log.replication.factor": "3",
        # a lost broker is noticed after nine seconds by default
        "broker.session.timeout.ms": "9000",
    }
    port, controller_port = ports[number - 1]
    places = Places(port, quiet_port(), controller_port)
    logins = Logins(Path("secrets"), dict.fromkeys(ALL_POWERFUL, "unused"))
    properties = broker_properties(Path("data"), places, logins) | more
    (folder / "server.properties").write_text(properties_text(properties))
    storage = ("kafka.tools.StorageTool", "format", f"--cluster-id={identity}")
    command = tools.tool_command("run-class", [*storage, "-c", "server.properties"])
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    command = [*command[: command.index("kafka.tools.StorageTool")], "kafka.Kafka"]
    log = folder / "out.log"
    return ChildProcess(f"kafka-{number}", [*command, "server.properties"], log, folder=folder)


def _are_there(settings):
    with suppress(UnavailableError):
        return len(brokers_of(settings, timeout_s=2).brokers) == 3
    return False


class SparkCluster:
    """A master, and workers in mount namespaces of their own."""

    def __init__(self, folder, password):
        """``password``: of the database, which workers read in a file."""
        self.folder, self.children = folder, []
        self.port = quiet_port()
        # a file of settings, as on a real cluster
        (folder / "conf").mkdir(parents=True)
        (folder / "conf" / "spark-defaults.conf").write_text(
            "spark.executor.memory 512m\nspark.authenticate true\nspark.master.rest.enabled false\n"
            f"spark.network.crypto.enabled true\nspark.authenticate.secret {uuid.uuid4().hex}\n"
        )
        self.password = folder / "db_password"
        self.password.write_text(password)
        self.python, self.is_python_used = folder / "python", folder / "python-was-used"
        self.python.write_text(
            f'#!/bin/sh\ntouch {self.is_python_used}\nexec {sys.executable} "$@"\n'
        )
        self.python.chmod(0o755)

    @property
    def environment(self):
        """For the consumer."""
        return {
            "SPARK_MASTER": f"spark://{LOOPBACK}:{self.port}",
            "SPARK_LOCAL_IP": LOOPBACK,
            "PYSPARK_PYTHON": str(self.python),
            "SPARK_CONF_DIR": str(self.folder / "conf"),
            "DB_PASSWORD_FILE": str(self.password),
        }

    def start_master(self):
        web = ("--webui-port", str(quiet_port()))
        address = ("--host", LOOPBACK, "--port", str(self.port))
        self._start("master", _spark_class("master.Master", *address, *web), {})
        wait_for_port(self.port, 60, self.children[0].require_alive)

    def start_worker(self, name, output, *, shares=True):
        """``output``: of the pipeline; a worker that does not share sees an empty folder there."""
        arguments = ("--host", LOOPBACK, "--webui-port", "0", "--cores", "1", "--memory", "1g")
        command = _spark_class("worker.Worker", *arguments, f"spark://{LOOPBACK}:{self.port}")
        hidden = " ".join(str(REPOSITORY / package) for package in _OURS)
        inside = ["sh", "-c", _HIDE, "sh", str(output), "yes" if shares else "no", hidden]
        namespace = [*_NAMESPACE, *([] if os.geteuid() == 0 else ["--map-root-user"])]
        own = {"SPARK_WORKER_DIR": str(self.folder / name), "SPARK_LOCAL_IP": LOOPBACK}
        return self._start(name, [*namespace, *inside, *command], own)

    def close(self):
        for child in reversed(self.children):
            child.kill()

    def _start(self, name, command, environment):
        plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        plain["SPARK_CONF_DIR"] = str(self.folder / "conf")
        plain["SPARK_DAEMON_JAVA_OPTS"] = FRUGAL_JVM
        child = ChildProcess(
            name,
            command,
            self.folder / f"{name}.log",
            environment={**plain, **environment},
            folder=self.folder,
        )
        self.children.append(child)
        child.start()
        return child


def require_namespaces():
    """Fails with what is missing, where this machine lets nobody mount."""
    namespace = [*_NAMESPACE, *([] if os.geteuid() == 0 else ["--map-root-user"])]
    assert shutil.which("unshare"), "`unshare` of util-linux is not on PATH"
    trial = [*namespace, "mount", "-t", "tmpfs", "vitals", sys.prefix]
    done = subprocess.run(trial, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (
        f"no mount namespaces here (root or user namespaces): {done.stderr}"
    )


def _spark_class(name, *arguments):
    home = next(Path(sys.prefix).glob("lib/python*/site-packages/pyspark"))
    return [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *arguments]
