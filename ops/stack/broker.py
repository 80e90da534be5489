"""A real Kafka, one node in KRaft mode, on the loopback."""

import base64
import os
import shlex
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path
from textwrap import indent

from common.broker.connection import secured
from common.broker.principals import ALL_POWERFUL, Principal
from common.broker.rights import give_logins
from common.broker.topics import cluster
from common.class_archive import archive_options
from common.errors import UnavailableError
from common.private_files import make_private
from common.settings import KafkaSettings, SaslMechanism, load
from ops.credentials.authority import EMBEDDED_HOSTS, ensure_authority, ensure_server_certificate
from ops.credentials.files import PRIVATE, write_secret
from ops.credentials.passwords import ensure_password, login_file
from ops.kafka_tools import OPTIONS_OPTION, RUN_CLASS, SERVER_OPTION, TOOLS, needs_server
from ops.stack.child import ChildProcess
from ops.stack.class_archive import kafka_archive_path
from ops.stack.exports import broker_environment
from ops.stack.java import IN_UTF8, find_java
from ops.stack.kafka_files import (
    FORMATTED,
    TOOL_LOGGING,
    Logins,
    Places,
    broker_properties,
    copy_formatted,
    log4j_configuration,
    properties_text,
    tool_options,
)
from ops.stack.ports import LOOPBACK, quiet_port
from ops.stack.server import Server

_FAST_START = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
_PROPERTIES = "server.properties"
# benchmarks run through the broker: it keeps the optimising compiler
_BROKER_JVM = ("-XX:+UseG1GC", "-Djava.awt.headless=true")
_BROKER_HEAP = ("-Xms256m", "-Xmx512m")
_GIVEN_JVM = "KAFKA_JVM_PERFORMANCE_OPTS"
"""Replaces them, as for Kafka's own scripts: who starts many brokers wants none of them optimised."""


def reaching(settings: KafkaSettings, options: Path) -> list[str]:
    """The options with which a console tool reaches a broker; ``options``: of `tool_options`."""
    return [SERVER_OPTION, settings.kafka_bootstrap_servers, OPTIONS_OPTION, str(options)]


def _broker_jvm() -> Sequence[str]:
    given = os.environ.get(_GIVEN_JVM)
    return shlex.split(given) if given else _BROKER_JVM


class KafkaBroker(Server):
    """A broker in its own folder.

    ``jars``: the folder that holds ``kafka/`` with the jars of that set. Certificate and passwords are
    made in the folder of secrets where they are missing.
    """

    name = "kafka"

    def __init__(
        self,
        folder: Path,
        jars: Path,
        port: int | None = None,
        *,
        java: Path | None = None,
        secrets_folder: Path | None = None,
        advertised_port: int | None = None,
        is_plain_too: bool = False,
        jvm_options: Sequence[str] = (),
    ) -> None:
        """Touches nothing before `prepare` or `start`.

        ``advertised_port``: the port clients are sent to, if not the broker's own. ``is_plain_too``:
        everybody on this machine may do anything, at a port of its own. ``jvm_options``: further
        ones for the broker.
        """
        super().__init__(folder, port)
        self.jars = jars.resolve()
        self.secrets = (secrets_folder or self.folder / "secrets").resolve()
        self._java = java
        self._advertised_port, self._is_plain_too = advertised_port, is_plain_too
        self._jvm_options = jvm_options
        self._places = Places(0, 0, 0)

    @property
    def bootstrap_servers(self) -> str:
        """``host:port`` for clients; known after `prepare`."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def plain_servers(self) -> str:
        """The address for clients without TLS and login; known after `prepare`."""
        return f"{LOOPBACK}:{self._places.plain_port}"

    @property
    def settings(self) -> KafkaSettings:
        """For an administrator; known after `prepare`, of use after `wait_ready`."""
        return self.settings_of(Principal.ADMIN)

    def settings_of(self, principal: Principal) -> KafkaSettings:
        """For our own clients; known after `prepare`, of use after `wait_ready`."""
        found = broker_environment(self.secrets, self.bootstrap_servers, principal)
        return load(KafkaSettings, **{name.lower(): value for name, value in found.items()})

    @property
    def first_login(self) -> KafkaSettings:
        """The administrator at the listener that needs nothing but the broker's own files."""
        server = f"{LOOPBACK}:{self._places.broker_port}"
        changes = {"kafka_bootstrap_servers": server, "kafka_sasl_mechanism": SaslMechanism.PLAIN}
        return self.settings.model_copy(update=changes)

    def prepare(self) -> None:
        """Writes the configuration and formats the data folder if it is new; safe to repeat."""
        make_private(self.folder)
        self._java = self._java or find_java(None)
        self.port = self._choose_port("VITALS_KAFKA_PORT")
        self._places = Places(
            self.port,
            broker_port=quiet_port(),
            controller_port=quiet_port(),
            advertised_port=self._advertised_port,
            plain_port=quiet_port() if self._is_plain_too else None,
        )
        text = properties_text(self._properties())
        write_secret(self.folder / _PROPERTIES, text.encode("ascii"), PRIVATE)
        own_log = log4j_configuration(Path(self.log.name))
        (self.folder / "log4j2.xml").write_text(own_log, encoding="utf-8")
        self.prepare_tools()
        if not (self.folder / "data" / FORMATTED).exists():
            self._format_data()

    def wait_ready(self, timeout_seconds: float = 60) -> None:
        """As of any server; then the principals can log in."""
        super().wait_ready(timeout_seconds)
        passwords = self._passwords()
        del passwords[Principal.BROKER]
        give_logins(self.first_login, passwords)

    def _properties(self) -> dict[str, str]:
        ensure_authority(self.secrets)
        ensure_server_certificate(self.secrets, "kafka", EMBEDDED_HOSTS)
        passwords = self._passwords()
        known = {principal: passwords[principal] for principal in ALL_POWERFUL}
        # no name of a folder above: Java reads the file as Latin-1
        secrets = Path(os.path.relpath(self.secrets, self.folder))
        return broker_properties(Path("data"), self._places, Logins(secrets, known))

    def _passwords(self) -> dict[Principal, str]:
        return {name: ensure_password(self.secrets, login_file(name)) for name in Principal}

    def prepare_tools(self) -> None:
        """Writes what the console tools need, even if no broker was ever started here."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "tools.xml").write_text(TOOL_LOGGING, encoding="utf-8")

    def start(self) -> None:
        """Starts the process; `wait_ready` says when it can be used."""
        self.prepare()
        head = self._jvm("log4j2.xml", *_BROKER_HEAP, *_broker_jvm(), *self._jvm_options)
        command = [*head, "kafka.Kafka", _PROPERTIES]
        self._start(ChildProcess("kafka", command, self.folder / "kafka.out", folder=self.folder))

    def tool_command(
        self, name: str, arguments: Sequence[str], reach: Sequence[str] = ()
    ) -> list[str]:
        """The command line of one of Kafka's console tools.

        ``name`` is one of `TOOLS`; ``run-class`` takes the class as its first argument. ``reach``: the
        options of `reaching`, for a tool that needs a broker and names none.
        """
        head = self._jvm("tools.xml", "-Xmx512m", *_FAST_START)
        main_class = TOOLS[name].main_class
        if main_class is None:
            return [*head, *arguments]
        return [*head, main_class, *(reach if needs_server(name, arguments) else ()), *arguments]

    def run_tool(
        self, name: str, *arguments: str, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Runs a console tool as an administrator to its end; ``given`` is its standard input."""
        with tool_options(self.settings) as options:
            return subprocess.run(
                self.tool_command(name, arguments, reaching(self.settings, options)),
                input=given,
                capture_output=True,
                text=True,
                check=False,
            )

    @property
    def _ports(self) -> tuple[int, ...]:
        return tuple(self._places.listeners.values())

    def _is_answering(self) -> bool:
        try:
            return self._has_clients_port() and bool(cluster(self.first_login, timeout_s=2).brokers)
        except UnavailableError:
            return False

    def _has_clients_port(self) -> bool:
        # where somebody took it, the other listeners answer for a moment before the broker ends
        try:
            with secured(self.settings, (LOOPBACK, self.port), 2):
                return True
        except OSError:
            return False

    def _jvm(self, logging: str, *options: str) -> list[str]:
        """The head of a command, up to the class."""
        java, classes = self._java or find_java(None), str(self.jars / "kafka" / "*")
        archive = archive_options(kafka_archive_path(self.jars, java))
        # Log4j reads a path as a URI, and commas separate several
        configuration = f"-Dlog4j2.configurationFile={(self.folder / logging).as_uri()}"
        return [*IN_UTF8, str(java), *archive, *options, configuration, "-cp", classes]

    def _format_data(self) -> None:
        # formatting writes a few small files and costs two seconds of a JVM: keep the first ones, which
        # hold no login
        kept = self.jars / "kafka" / "formatted"
        data = self.folder / "data"
        if not (kept / FORMATTED).exists():
            self._format()
            copy_formatted(data, kept)
        else:
            copy_formatted(kept, data)

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # an id may start with a hyphen: after a space it would be read as an option
        storage_tool = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}")
        command = self.tool_command(RUN_CLASS, [*storage_tool, "-c", _PROPERTIES])
        result = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            raise UnavailableError(
                f"cannot format {self.folder / 'data'} for Kafka:\n"
                + indent(result.stderr[-2000:].strip(), " " * 4),
                hint="check the disk and who owns the folder",
            )
