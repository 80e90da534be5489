"""A real Kafka, one node in KRaft mode, on the loopback."""

import base64
import functools
import subprocess
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import indent
from typing import BinaryIO

from common.atomic import write_atomic
from common.broker.topics import cluster
from common.errors import UnavailableError
from common.settings import KafkaSettings
from ops.kafka_tools import RUN_CLASS, SERVER_OPTION, TOOLS, needs_server
from ops.stack.child import ChildProcess
from ops.stack.java import IN_UTF8, find_java
from ops.stack.kafka_files import TOOL_LOGGING, broker_properties, log4j_configuration
from ops.stack.ports import LOOPBACK, choose_port, quiet_port
from ops.stack.server import Server

_FAST_START = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
_PROPERTIES = "server.properties"
# written last: it says that the folder is formatted
_FORMATTED = "meta.properties"
# benchmarks run through the broker: it keeps the optimising compiler
_BROKER_JVM = ("-Xms256m", "-Xmx512m", "-XX:+UseG1GC", "-Djava.awt.headless=true")


def remembered_port(folder: Path) -> int | None:
    """The port used by the last start in this folder."""
    path = folder / "port"
    return int(path.read_text(encoding="utf-8")) if path.exists() else None


class KafkaBroker(Server):
    """A broker in its own folder.

    ``jars``: the folder that holds ``kafka/`` with the jars of that set.
    """

    name = "kafka"

    def __init__(
        self,
        folder: Path,
        jars: Path,
        port: int | None = None,
        *,
        java: Path | None = None,
        advertised_port: int | None = None,
    ) -> None:
        """Touches nothing before `prepare` or `start`.

        ``advertised_port``: the port clients are sent to, if not the broker's own.
        """
        super().__init__(folder, port)
        self.jars = jars.resolve()
        self._java = java
        self._advertised_port = advertised_port
        self._controller_port = 0

    @property
    def bootstrap_servers(self) -> str:
        """``host:port`` for clients; known after `prepare`."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def settings(self) -> KafkaSettings:
        """For our own clients; known after `prepare`."""
        return KafkaSettings(kafka_bootstrap_servers=self.bootstrap_servers)

    def prepare(self) -> None:
        """Writes the configuration and formats the data folder if it is new; safe to repeat."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._java = self._java or find_java(None)
        self.port = choose_port(
            "VITALS_KAFKA_PORT", self._requested_port, remembered_port(self.folder)
        )
        self._controller_port = quiet_port()
        (self.folder / _PROPERTIES).write_text(
            broker_properties(
                Path("data"),
                self.port,
                self._controller_port,
                advertised_port=self._advertised_port,
            ),
            encoding="utf-8",
        )
        (self.folder / "port").write_text(str(self.port), encoding="utf-8")
        own_log = log4j_configuration(Path(self.log.name))
        (self.folder / "log4j2.xml").write_text(own_log, encoding="utf-8")
        self.prepare_tools()
        if not (self.folder / "data" / _FORMATTED).exists():
            self._format_data()

    def prepare_tools(self) -> None:
        """Writes what the console tools need, even if no broker was ever started here."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "tools.xml").write_text(TOOL_LOGGING, encoding="utf-8")

    def start(self) -> None:
        """Starts the process; `wait_ready` says when it can be used."""
        self.prepare()
        command = [
            *(*IN_UTF8, str(self._java), *_BROKER_JVM, self._logging("log4j2.xml")),
            *("-cp", self._class_path),
            *("kafka.Kafka", _PROPERTIES),
        ]
        self._start(ChildProcess("kafka", command, self.folder / "kafka.out", folder=self.folder))

    def tool_command(
        self, name: str, arguments: Sequence[str], *, server: Callable[[], str] | None = None
    ) -> list[str]:
        """The command line of one of Kafka's console tools.

        ``name`` is one of `TOOLS`; ``run-class`` takes the class as its first argument and
        gets no ``--bootstrap-server`` added. ``server``: a broker other than this one.
        """
        java = str(self._java or find_java(None))
        logging = self._logging("tools.xml")
        base = [*IN_UTF8, java, "-Xmx512m", *_FAST_START, logging, "-cp", self._class_path]
        main_class = TOOLS[name].main_class
        if main_class is None:
            return [*base, *arguments]
        if not needs_server(name, arguments):
            return [*base, main_class, *arguments]
        address = server() if server else self.bootstrap_servers
        return [*base, main_class, SERVER_OPTION, address, *arguments]

    def run_tool(
        self, name: str, *arguments: str, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Runs a console tool to its end; ``given`` is its standard input."""
        return subprocess.run(
            self.tool_command(name, arguments),
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def _class_path(self) -> str:
        return str(self.jars / "kafka" / "*")

    @property
    def _ports(self) -> tuple[int, ...]:
        return (int(self.port or 0), self._controller_port)

    def _is_answering(self) -> bool:
        try:
            return bool(cluster(self.settings, timeout_s=2).brokers)
        except UnavailableError:
            return False

    def _logging(self, name: str) -> str:
        # Log4j reads a path as a URI, and commas separate several
        return f"-Dlog4j2.configurationFile={(self.folder / name).as_uri()}"

    def _format_data(self) -> None:
        # formatting writes a few small files and costs two seconds of a JVM: keep the first ones
        kept = self.jars / "kafka" / "formatted"
        data = self.folder / "data"
        if not (kept / _FORMATTED).exists():
            self._format()
            _copy(data, kept)
        else:
            _copy(kept, data)

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # an id may start with a hyphen: after a space it would be read as an option
        storage_tool = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}")
        command = self.tool_command(RUN_CLASS, [*storage_tool, "-c", _PROPERTIES])
        result = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise UnavailableError(
                f"cannot format {self.folder / 'data'} for Kafka:\n"
                + indent(result.stderr[-2000:].strip(), " " * 4),
                hint="check the disk and who owns the folder",
            )


def _copy(source: Path, target: Path) -> None:
    # which files there are depends on Kafka's version
    files = [path for path in source.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name == _FORMATTED):
        copy = target / path.relative_to(source)
        write_atomic(copy, functools.partial(_write, path.read_bytes()))


def _write(content: bytes, file: BinaryIO) -> None:
    file.write(content)
