"""``vitals --compose COMMAND``: the same commands on the stack that `docker compose up` runs.

A command runs in a container of the service ``ops``, which reaches broker, database and files;
Kafka's console tools run where they are, in the broker's container.
"""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import ConfigurationError, UnavailableError
from db.schema.accounts import Role, account_name

_REPOSITORY = Path(__file__).parents[2]
_COMPOSE_FILES = ("docker-compose.yml", "compose.yml", "compose.yaml", "docker-compose.yaml")
_NOT_HERE = {
    "up": "docker compose up -d --wait",
    "down": "docker compose down",
    "demo": "make demo",
    "monitor": "the service monitor, which runs already: http://127.0.0.1:18080/",
}
_HOST_PORTS = {"kafka": 19092, "mysql": 3306}


@dataclass(frozen=True)
class ComposeStack:
    """The compose project that the environment, or else this repository, means."""

    environment: Mapping[str, str]

    def run(self, arguments: Sequence[str]) -> int:
        """Runs a `vitals` command against the stack; returns its exit code.

        Raises:
            ConfigurationError: it makes no sense there, or there is no docker.
            UnavailableError: the stack does not run.
        """
        if shutil.which("docker") is None:
            raise ConfigurationError(
                "there is no docker command here",
                hint="install Docker with its compose plugin; without it, `vitals up` runs the pipeline",
            )
        if arguments[:1] == ["env"]:
            for line in self._exports():
                print(line)  # noqa: T201 - the command's output
            return 0
        return subprocess.run(self.command(arguments), check=False).returncode

    def command(self, arguments: Sequence[str]) -> list[str]:
        """What `run` hands to docker. Raises ConfigurationError: it makes no sense there."""
        name = arguments[0] if arguments else "--help"
        if name in _NOT_HERE:
            raise ConfigurationError(
                f"`vitals {name}` runs the embedded stack, not the one in containers",
                hint=f"use: {_NOT_HERE[name]}",
            )
        if name == "kafka":
            return self._console_tool(arguments[1:])
        return self._ops(arguments or ["--help"])

    def _ops(self, arguments: Sequence[str]) -> list[str]:
        options: list[str] = []
        inside: list[str] = []
        for each in arguments:
            # a file of this machine is shown to the container, to be read only
            if arguments[0] == "replay" and Path(each).is_file():
                path = Path(each).resolve()
                options += ["--volume", f"{path}:/input/{path.name}:ro"]
                inside.append(f"/input/{path.name}")
            else:
                inside.append(each)
        settles = {"discard", "replay"} & set(arguments[1:2]) and "quarantine" in arguments[:1]
        if {"--register", "--repair"} & set(arguments) or settles:
            # the reader may not add patients, settle what is in quarantine, or enter readings
            options += ["--env", f"DB_USER={account_name(Role.MIGRATOR)}"]
            options += ["--env", "DB_PASSWORD_FILE=/run/secrets/db_migrator_password"]
        run = ["run", "--rm", "--no-deps", *options, "ops"]
        return self._docker(*run, "vitals", *inside)

    def _console_tool(self, arguments: Sequence[str]) -> list[str]:
        if not arguments:
            raise ConfigurationError(
                "which Kafka tool?", hint="vitals --compose kafka topics --list"
            )
        tool, *options = arguments
        server = [] if "--bootstrap-server" in options else ["--bootstrap-server", "kafka:9092"]
        path = f"/opt/kafka/bin/kafka-{tool}.sh"
        return self._docker("exec", "kafka", path, *server, *options)

    def _exports(self) -> list[str]:
        ports = {service: self._published(service, port) for service, port in _HOST_PORTS.items()}
        host, _, port = ports["mysql"].rpartition(":")
        secrets = json.loads(self._answer("config", "--format", "json"))["secrets"]
        names = {
            "KAFKA_BOOTSTRAP_SERVERS": ports["kafka"],
            "DB_HOST": host,
            "DB_PORT": port,
            "DB_USER": account_name(Role.READER),
            "DB_PASSWORD_FILE": secrets["db_reader_password"]["file"],
        }
        return [f"export {name}={shlex.quote(value)}" for name, value in names.items()]

    def _published(self, service: str, port: int) -> str:
        return self._answer("port", service, str(port)).strip()

    def _answer(self, *arguments: str) -> str:
        command = self._docker(*arguments)
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise UnavailableError(
                f"the stack in containers does not run: {answer.stderr.strip()}",
                hint="start it: docker compose up -d --wait",
            )
        return answer.stdout

    def _docker(self, *arguments: str) -> list[str]:
        return ["docker", "compose", *self._project(), *arguments]

    def _project(self) -> list[str]:
        is_here = any(Path(name).exists() for name in _COMPOSE_FILES)
        if is_here or self.environment.get("COMPOSE_FILE"):
            return []
        return ["--project-directory", os.fspath(_REPOSITORY)]
