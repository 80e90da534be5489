"""The embedded stack with everything that runs on it, started and stopped in order."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import ConfigurationError
from common.settings import DatabaseSettings, KafkaSettings
from db.connection import connect
from db.schema.migrate import migrate
from db.schema.seed import seed
from ops.people.register import FIRST_PERSON, PageRole, People
from ops.stack import ChildProcess, find_java, jar_source
from ops.stack.class_archive import SETTING, archive_path, ensure_archive
from ops.stack.embedded import EmbeddedStack
from ops.stack.exports import embedded_addresses
from ops.stack.folders import occupy
from ops.stack.invocation import Invocation
from ops.stack.log_tail import last_lines
from ops.stack.ports import LOOPBACK, choose_port, quiet_port, was_taken
from ops.stack.running import OWNER, Part, forget, record
from ops.stack.supervisor import LONGEST_DELAY_SECONDS, Supervisor

_STARTUP_WAIT_SECONDS = 120
_DATABASE_STOP_SECONDS = 30
_KAFKA_STOP_SECONDS = 30
_CONSUMER_STOP_SECONDS = 45
_PRODUCER_STOP_SECONDS = 30
_MONITOR_STOP_SECONDS = 5
_MOVE_SECONDS = 5
_MONITOR = "monitor"
_MONITOR_PORT = 8080


@dataclass(frozen=True)
class Plan:
    """What `vitals up` was asked for."""

    producers: int = 1
    patients: int = 100
    fresh: bool = False
    has_monitor: bool = False
    """Whether the monitor page is served."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the parts get besides the addresses of the stack, or instead of them."""
    longest_delay_seconds: float = LONGEST_DELAY_SECONDS
    """The longest that a part waits before it is restarted."""
    kafka_advertised_port: int | None = None
    """The port clients are sent to, if not the broker's own."""


class Pipeline:
    """Owns every process of one home folder until `stop`."""

    def __init__(self, invocation: Invocation, plan: Plan, say: Callable[[str], None]) -> None:
        """Claims the home for itself; starts nothing.

        Raises:
            ConfigurationError: it is already running, or a fresh start would delete somebody
                else's files.
        """
        settings = invocation.settings
        self._invocation, self._plan, self._say = invocation, plan, say
        self._home, self.output = settings.home, settings.output_dir.resolve()
        self.environments: dict[str, dict[str, str]] = {}
        """Of each part, by the name of its process; a change takes effect at its next start."""
        self._ports: dict[str, int] = {}
        """What each part listens on: for its metrics; the monitor, for its page."""
        self._held = occupy(self._home, self.output, settings.cache, fresh=plan.fresh)
        source = jar_source(
            settings.cache, find_java(settings.java_home), settings.vitals_ivy_settings
        )
        self.stack = EmbeddedStack(
            self._home,
            source,
            kafka_port=settings.vitals_kafka_port,
            database_port=settings.vitals_db_port,
            kafka_advertised_port=plan.kafka_advertised_port,
        )
        self._class_archive = archive_path(settings.cache, source.java)
        if plan.has_monitor:
            # a port in use is reported now, not once everything else is up
            self._ports[_MONITOR] = choose_port(
                "VITALS_MONITOR_PORT", settings.vitals_monitor_port, _MONITOR_PORT
            )
        self.supervisor = Supervisor(say, longest_delay_seconds=plan.longest_delay_seconds)

    def start(self) -> None:
        """Starts broker, database, consumer and producers, each as soon as what it needs is there.

        Raises:
            VitalsError: a part cannot start; `stop` ends what has started.
        """
        self.stack.prepare(self._say)
        ensure_archive(
            self._class_archive,
            jars=self.stack.spark_jars,
            environment=self._invocation.environment,
            say=self._say,
        )
        database, broker = self.stack.database, self.stack.broker
        self._say(f"starting Kafka on {broker.bootstrap_servers} and {database.binary.label}")
        self.supervisor.add(database, stop_seconds=_DATABASE_STOP_SECONDS)
        self.supervisor.add(broker, stop_seconds=_KAFKA_STOP_SECONDS)
        # Spark takes the longest to start, and waits for tables and topics on its own
        self._add("consumer", "-m", "consumer", stop_seconds=_CONSUMER_STOP_SECONDS)
        database.wait_ready()
        with connect(self.database(), database=False) as connection:
            migrate(connection, self.database().db_name)
        self.stack.wait_for_broker(self._invocation.settings)
        if self._plan.producers:
            with connect(self.database()) as connection:
                seed(connection, self._plan.patients, self._invocation.settings.simulation_seed)
        for number in range(1, self._plan.producers + 1):
            self._add(
                f"producer-{number}", "-m", "producer", "run", stop_seconds=_PRODUCER_STOP_SECONDS
            )

        if self._plan.has_monitor:
            self._add(_MONITOR, "-m", "ops", "monitor", stop_seconds=_MONITOR_STOP_SECONDS)
            self._say_page()
            self._let_somebody_in()

    def check(self) -> None:
        """Restarts what has failed; raises ConfigurationError if that cannot help.

        A part whose port was taken gets another one, and what knew the old one is restarted.
        """
        self._replace_taken_ports()
        before = self._parts()
        if self.supervisor.check() or self._parts() != before:
            self._record()
        self._tell_addresses()

    def stop_producers(self) -> None:
        """No new readings from here on."""
        self.supervisor.stop("producer-")

    def stop(self) -> None:
        """Stops producers, consumer, broker and database, in this order; safe to repeat."""
        self.supervisor.stop()
        if self._held:
            forget(self._home)
        while self._held:
            self._held.pop().close()

    def kafka(self) -> KafkaSettings:
        """How to reach the broker."""
        return self.stack.broker.settings

    def database(self) -> DatabaseSettings:
        """How to reach the database."""
        return self.stack.database.settings()

    def environment(self, name: str = "") -> dict[str, str]:
        """The environment of a part; ``name`` is that of its process."""
        settings = self._invocation.settings
        return {
            **self._invocation.environment,
            "SPARK_JARS_DIR": str(self.stack.spark_jars),
            SETTING: str(self._class_archive),
            "OUTPUT_DIR": str(self.output),
            "PRODUCER_ID": name,
            "PATIENTS": str(self._plan.patients),
            "SIMULATION_SEED": str(settings.simulation_seed),
            "FAULT_SHARE": str(settings.fault_share),
            "STARTUP_WAIT_SECONDS": str(_STARTUP_WAIT_SECONDS),
            "LOG_FORMAT": "json",
            **self._addresses(name),
            **self._plan.environment,
        }

    def _addresses(self, name: str) -> dict[str, str]:
        """What changes where a port was taken."""
        found = embedded_addresses(self._home)
        port = str(self._ports.get(name, ""))
        if name == _MONITOR:
            targets = [f"{part}={address}" for part, address in self.metrics_targets().items()]
            found |= {"MONITOR_PORT": port, "METRICS_TARGETS": ",".join(targets)}
        elif port:
            found |= {"METRICS_PORT": port, "METRICS_HOST": LOOPBACK}
        return found

    def metrics_targets(self) -> dict[str, str]:
        """Where each producer and the consumer serve their metrics, as ``127.0.0.1:4001``."""
        return {
            name: f"{LOOPBACK}:{port}"
            for name in self.supervisor.pids()
            if name != _MONITOR and (port := self._ports.get(name)) is not None
        }

    def child(self, name: str, *arguments: str) -> ChildProcess:
        """A Python process with a part's environment and its own log; not yet started."""
        self._ports.setdefault(name, quiet_port())
        environment = self.environments[name] = self.environment(name)
        return ChildProcess(
            name,
            [sys.executable, *arguments],
            self.logs / f"{name}.log",
            environment=environment,
        )

    @property
    def logs(self) -> Path:
        """The folder of the parts' logs."""
        return self._home / "logs"

    def _replace_taken_ports(self) -> None:
        for service in self.supervisor.services:
            process, name = service.process, service.process.name
            port = self._ports.get(name)
            has_refused = process.exit_code == ConfigurationError.exit_code
            if port is None or service.state != "ended" or not has_refused:
                continue
            if not was_taken([port], last_lines(process.log, 5)):
                continue
            self._say(f"{name}: somebody took its port {port}")
            if name == _MONITOR and self._invocation.settings.vitals_monitor_port:
                service.release(time.monotonic() + self._plan.longest_delay_seconds)
                continue
            self._ports[name] = quiet_port()
            service.release(time.monotonic())
            if name == _MONITOR:
                self._say_page()

    def _tell_addresses(self) -> None:
        for service in self.supervisor.services:
            environment = self.environments.get(service.process.name)
            if environment is None:
                continue
            addresses = {**self._addresses(service.process.name), **self._plan.environment}
            if addresses.items() <= environment.items():
                continue
            environment.update(addresses)
            if service.state == "running":
                self._say(f"{service.process.name}: an address has changed; starting it again")
                # one that still waits for a server at the old address does not end by itself
                service.process.stop(_MOVE_SECONDS)
                service.release(time.monotonic())

    def _say_page(self) -> None:
        self._say(f"monitor page: http://{LOOPBACK}:{self._ports[_MONITOR]}/")

    def _let_somebody_in(self) -> None:
        people = People(self._invocation.settings.people)
        if people.register().people:
            self._say(
                "sign in with your secret; `vitals users add NAME` makes one for somebody else"
            )
        else:
            secret = people.add(FIRST_PERSON, PageRole.ENGINEER)
            self._say(f"sign in with this secret, which is not shown again: {secret}")

    def _add(self, name: str, *arguments: str, stop_seconds: float) -> None:
        child = self.child(name, *arguments)
        self.supervisor.add(child, stop_seconds=stop_seconds)
        self._record()

    def _record(self) -> None:
        record(self._home, {OWNER: os.getpid(), **self.supervisor.pids()}, self._parts())

    def _parts(self) -> dict[str, Part]:
        addresses = self.metrics_targets() | {_MONITOR: f"{LOOPBACK}:{self._ports.get(_MONITOR)}"}
        return {
            (name := service.process.name): Part(
                service.since_ms, addresses.get(name), service.failures
            )
            for service in self.supervisor.services
        }
