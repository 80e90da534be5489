"""The embedded stack with everything that runs on it, started and stopped in order."""

import os
import sys
import time
from collections.abc import Callable

from common.broker.principals import Principal
from common.errors import ConfigurationError
from common.settings import DatabaseSettings, KafkaSettings
from db.connection import connect
from db.schema.accounts import Role, grant_tables
from db.schema.migrate import migrate
from db.schema.seed import seed
from db.write.looks import prune_looks
from ops.credentials.batch_keys import PRODUCER, key_file
from ops.look.processes import TLS
from ops.people.register import FIRST_PERSON, PageRole, People
from ops.stack import ChildProcess, find_java, jar_source
from ops.stack.class_archive import ensure_spark_archive, spark_archive_path
from ops.stack.embedded import EmbeddedStack
from ops.stack.environments import MONITOR, Environments, Plan
from ops.stack.exports import SECRETS_FOLDER
from ops.stack.folders import occupy
from ops.stack.invocation import Invocation
from ops.stack.log_tail import last_lines
from ops.stack.ports import LOOPBACK, choose_port, quiet_port, was_taken
from ops.stack.running import OWNER, Part, forget, record
from ops.stack.supervisor import Supervisor

_DATABASE_STOP_SECONDS = 30
_KAFKA_STOP_SECONDS = 30
_CONSUMER_STOP_SECONDS = 45
_PRODUCER_STOP_SECONDS = 30
_MONITOR_STOP_SECONDS = 5
_MOVE_SECONDS = 5
_MONITOR_PORT = 8080


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
        self.logs = self._home / "logs"
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
        self.supervisor = Supervisor(say, longest_delay_seconds=plan.longest_delay_seconds)
        self._class_archive = spark_archive_path(settings.cache, source.java)
        self.environments = Environments(
            invocation,
            plan,
            spark_jars=self.stack.spark_jars,
            class_archive=self._class_archive,
            names=self.supervisor.pids,
        )
        self._ports = self.environments.ports
        if plan.has_monitor:
            # a port in use is reported now, not once everything else is up
            self._ports[MONITOR] = choose_port(
                "VITALS_MONITOR_PORT", settings.vitals_monitor_port, _MONITOR_PORT
            )

    def start(self) -> None:
        """Starts broker, database, consumer and producers, each as soon as what it needs is there.

        Raises VitalsError if a part cannot start; `stop` ends what has started.
        """
        self.stack.prepare(self._say)
        ensure_spark_archive(
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
        consumer = self.child("consumer", Principal.CONSUMER, "-m", "consumer")
        self._add(consumer, stop_seconds=_CONSUMER_STOP_SECONDS)
        database.wait_ready()
        migrator, name = database.settings(Role.MIGRATOR), self.database().db_name
        with connect(migrator, database=False) as connection:
            migrate(connection, name)
        with connect(database.admin_settings(), database=False) as administrator:
            grant_tables(administrator, name)
        self.stack.wait_for_broker(self._invocation.settings)
        with connect(migrator) as connection:
            prune_looks(connection, self._invocation.settings.oldest_look())
            if self._plan.producers:
                seed(connection, self._plan.patients, self._invocation.settings.simulation_seed)
        for number in range(1, self._plan.producers + 1):
            producer = self.child(f"producer-{number}", Principal.PRODUCER, "-m", "producer", "run")
            self._add(producer, stop_seconds=_PRODUCER_STOP_SECONDS)
        if self._plan.has_monitor:
            monitor = self.child(MONITOR, Principal.READER, "-m", "ops", "monitor")
            self._add(monitor, stop_seconds=_MONITOR_STOP_SECONDS)
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

    def kafka(self, principal: Principal = Principal.READER) -> KafkaSettings:
        """How to reach the broker, and to sign what is sent."""
        key = self._home / SECRETS_FOLDER / key_file(PRODUCER)
        return self.stack.broker.settings_of(principal).model_copy(update={"batch_key_path": key})

    def database(self) -> DatabaseSettings:
        """How to look into the database."""
        return self.stack.database.settings(Role.READER)

    def child(self, name: str, principal: Principal, *arguments: str) -> ChildProcess:
        """A Python process with a part's environment and its own log; not yet started."""
        return ChildProcess(
            name,
            [sys.executable, *arguments],
            self.logs / f"{name}.log",
            environment=self.environments.give(name, principal),
        )

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
            if name == MONITOR and self._invocation.settings.vitals_monitor_port:
                service.release(time.monotonic() + self._plan.longest_delay_seconds)
                continue
            self._ports[name] = quiet_port()
            service.release(time.monotonic())
            if name == MONITOR:
                self._say_page()

    def _tell_addresses(self) -> None:
        for service in self.supervisor.services:
            if self.environments.move(service.process.name) and service.state == "running":
                self._say(f"{service.process.name}: an address has changed; starting it again")
                # one that still waits for a server at the old address does not end by itself
                service.process.stop(_MOVE_SECONDS)
                service.release(time.monotonic())

    @property
    def _page_scheme(self) -> str:
        """What its address begins with, where that is not a port's usual HTTP."""
        return TLS if self._invocation.environment.get("MONITOR_TLS_CERT") else ""

    def _say_page(self) -> None:
        self._say(
            f"monitor page: {self._page_scheme or 'http://'}{LOOPBACK}:{self._ports[MONITOR]}/"
        )

    def _let_somebody_in(self) -> None:
        people = People(self._invocation.settings.people)
        if people.register().people:
            self._say(
                "sign in with your secret; `vitals users add NAME` makes one for somebody else"
            )
        else:
            secret = people.add(FIRST_PERSON, PageRole.ENGINEER)
            self._say(f"sign in with this secret, which is not shown again: {secret}")

    def _add(self, child: ChildProcess, *, stop_seconds: float) -> None:
        self.supervisor.add(child, stop_seconds=stop_seconds)
        self._record()

    def _record(self) -> None:
        record(self._home, {OWNER: os.getpid(), **self.supervisor.pids()}, self._parts())

    def _parts(self) -> dict[str, Part]:
        addresses = self.environments.targets() | {
            MONITOR: f"{self._page_scheme}{LOOPBACK}:{self._ports.get(MONITOR)}"
        }
        return {
            (name := service.process.name): Part(
                service.since_ms, addresses.get(name), service.failures
            )
            for service in self.supervisor.services
        }
