"""A compose project of the tests' own, in a clone of the repository."""

import json
import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from common.settings import DatabaseSettings, KafkaSecurity, KafkaSettings
from ops.look.snapshot import Observer, look_if_possible
from tests import loopback
from tests.programs import inherited
from tests.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
OURS = ("producer", "consumer", "setup", "monitor")
OVERRIDE = "tests/compose/host-network.yml"


@dataclass
class Project:
    """``folder``: the clone; ``settings`` are what its .env would say."""

    name: str
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        self.kafka_port, self.mysql_port = free_port(), free_port()
        self.monitor_port = free_port()

    @property
    def environment(self):
        own = {
            "COMPOSE_PROJECT_NAME": self.name,
            "COMPOSE_FILE": f"docker-compose.yml:{OVERRIDE}",
            "KAFKA_HOST_PORT": str(self.kafka_port),
            "MYSQL_HOST_PORT": str(self.mysql_port),
            "MONITOR_HOST_PORT": str(self.monitor_port),
        }
        return inherited("COMPOSE_") | own | self.settings

    def run(self, *command, seconds=900, check=True):
        """Runs a command in the clone; its output is in the failure."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
                f"\n{self.logs(tail=30)}"
            )
        return done

    def compose(self, *arguments, seconds=900, check=True):
        return self.run("docker", "compose", *arguments, seconds=seconds, check=check)

    def logs(self, *services, tail="all"):
        command = ["docker", "compose", "logs", "--no-color", "--tail", str(tail), *services]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def thread_dump(self):
        """Where the threads of the consumer's stream and tasks are."""
        dump = 'for p in /proc/[0-9]*; do [ "$(readlink $p/exe)" = /java/bin/java ] && kill -3 ${p#/proc/}; done'
        self.compose("exec", "-T", "consumer", "sh", "-c", dump, check=False)
        time.sleep(2)
        blocks = self.logs("consumer", tail=4000).replace("consumer-1  | ", "").split("\n\n")
        ours = ("stream execution thread", "Executor task")
        found = [block for block in blocks if block.lstrip('"\n').startswith(ours)]
        return "\n".join("\n".join(block.strip().splitlines()[:24]) for block in found[-5:])

    def make_secrets(self):
        return self._as_owner("secrets")

    def rotate(self):
        return self._as_owner("rotate")

    def _as_owner(self, service):
        user = f"{os.getuid()}:{os.getgid()}"
        return self.compose("run", "--rm", "--user", user, service)

    def remove(self):
        with suppress(AssertionError):
            self.compose("--profile", "tools", "down", "--volumes", "--timeout", "20")

    def containers(self, service, *, running=True):
        """Ids of a service's containers."""
        options = [] if running else ["--all"]
        return self.compose("ps", "--quiet", *options, service).stdout.split()

    def inspect(self, container):
        (found,) = json.loads(self.run("docker", "inspect", container).stdout)
        return found

    def restarts(self, service):
        (container,) = self.containers(service, running=False)
        return self.inspect(container)["RestartCount"]

    def crash(self, service):
        """SIGKILL to the process inside, as the kernel sends it when memory runs out."""
        kill = "kill -9 $(cat /proc/1/task/1/children)"
        self.compose("exec", "-T", service, "sh", "-c", kill)

    def secret(self, name):
        return (self.folder / "ops" / "secrets" / name).read_text(encoding="ascii")

    def kafka(self, principal="reader"):
        return KafkaSettings(
            kafka_bootstrap_servers=f"127.0.0.1:{self.kafka_port}",
            kafka_security_protocol=KafkaSecurity.SASL_SSL,
            kafka_sasl_username=principal,
            kafka_sasl_password=SecretStr(self.secret(f"kafka_{principal}_password")),
            kafka_ssl_ca=self.folder / "ops" / "secrets" / "ca.pem",
        )

    def database(self, role="reader"):
        return DatabaseSettings(
            db_host="127.0.0.1",
            db_port=self.mysql_port,
            db_user="root" if role == "root" else f"vitals_{role}",
            db_password=SecretStr(self.secret(f"db_{role}_password")),
            db_ssl_ca=self.folder / "ops" / "secrets" / "ca.pem",
        )

    def page(self, path, headers=None):
        """Status and body of the monitor page, asked from this machine."""
        return loopback.get(self.monitor_port, path, headers)

    def accepted(self):
        """Readings that the ledger calls accepted; None while a service is away."""
        observer = Observer(self.kafka(), self.database())
        try:
            snapshot = look_if_possible(observer)
            return snapshot.totals.accepted if snapshot else None
        finally:
            observer.close()

    def wait_for_more(self, than):
        """Waits until more readings are accepted; returns how long it took."""
        started = time.monotonic()
        wait_until(lambda: (self.accepted() or 0) > than, lambda: self.logs(tail=30), seconds=300)
        return time.monotonic() - started

    def prove(self):
        """Stops the producers and lets `vitals reconcile` compare everything."""
        self.compose("stop", "producer")
        done = self.compose(
            "run", "--rm", "ops", "vitals", "reconcile", "--wait", "600", "--json", check=False
        )
        assert done.stdout, done.stderr
        proof = json.loads(done.stdout)
        assert proof["proved"], proof["findings"]
        return proof


def clone(folder):
    """A copy of what git knows of this working tree, and nothing else."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target)
    return folder


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
