"""``vitals --compose COMMAND``: the same commands on the stack that `docker compose up` runs.

A command runs in a container of the service ``ops``, which reaches broker, database and files;
Kafka's console tools run in the broker's container, which has them.
"""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.broker.principals import Principal
from common.commands import PlainGroup
from common.errors import ConfigurationError, UnavailableError
from common.output import put_line
from common.settings import KafkaSecurity
from db.schema.accounts import Role, account_name
from ops.cli.command_line import CommandLine
from ops.cli.declared import host_files_of, logins_of
from ops.cli.foreign import run_plainly
from ops.credentials.passwords import account_file, login_file
from ops.kafka_tools import OPTIONS_OPTION, SERVER_OPTION, needs_server

_REPOSITORY = Path(__file__).parents[2]
_COMPOSE_FILES = ("docker-compose.yml", "compose.yml", "compose.yaml", "docker-compose.yaml")
_NOT_HERE = {
    "up": "docker compose up -d --wait",
    "down": "docker compose down",
    "demo": "make demo",
    "prove": "vitals prove, without --compose",
    "monitor": "the service monitor, which is running already: http://127.0.0.1:18080/",
}
_SECRETS = {"make": "secrets", "rotate": "rotate"}
"""The service that runs a command of `vitals secrets`."""
_NEEDS_NO_STACK = {("secrets", "make"), *(("users", name) for name in ("add", "list", "remove"))}
_HOST_PORTS = {"kafka": 19092, "mysql": 3306}
_TOOL_OPTIONS = "/run/admin.properties"


@dataclass(frozen=True)
class ComposeStack:
    """The compose project that the environment names, else this repository's."""

    environment: Mapping[str, str]

    def run(self, line: CommandLine) -> int:
        """Runs a `vitals` command against the stack; returns its exit code.

        Raises:
            ConfigurationError: the command makes no sense there, or docker is not installed.
            UnavailableError: the stack is not running.
        """
        if shutil.which("docker") is None:
            raise ConfigurationError(
                "docker is not installed on this machine",
                hint="install Docker with its compose plugin; without it, `vitals up` runs the pipeline",
            )
        if line.name == "env":
            self._require_running()
            for export in self._exports(line.values["principal"]):
                put_line(export)
            return 0
        command = self.command(line)
        if (line.words[0], line.name) not in _NEEDS_NO_STACK:
            self._require_running()
        if line.name == "kafka":
            return run_plainly(command, cwd=self._folder())
        return subprocess.run(command, cwd=self._folder(), check=False).returncode

    def command(self, line: CommandLine) -> list[str]:
        """What `run` passes to docker. Raises ConfigurationError if it makes no sense there."""
        if line.name in _NOT_HERE:
            raise ConfigurationError(
                f"`vitals {line.name}` runs the embedded stack, not the one in containers",
                hint=f"use: {_NOT_HERE[line.name]}",
            )
        if line.name == "kafka":
            return self._console_tool(line.values["tool"], line.rest)
        if line.words[0] == "secrets":
            # as the owner of the folder: nobody else can write there
            owner = ["--user", f"{os.getuid()}:{os.getgid()}"] if hasattr(os, "getuid") else []
            return self._docker("run", "--rm", *owner, _SECRETS[line.name])
        return self._ops(line)

    def _ops(self, line: CommandLine) -> list[str]:
        options: list[str] = []
        for parameter in host_files_of(line):
            path = Path(line.values[parameter]).resolve()
            if path.is_file():
                options += ["--volume", f"{path}:/input/{path.name}:ro"]
                line = line.with_path(parameter, f"/input/{path.name}")
        principal, role = logins_of(line.function, line.values)
        if role is not Role.READER:
            options += ["--env", f"DB_USER={account_name(role)}"]
            options += ["--env", f"DB_PASSWORD_FILE=/run/secrets/{account_file(role)}"]
        if principal is not Principal.READER:
            options += ["--env", f"KAFKA_SASL_USERNAME={principal}"]
            options += ["--env", f"KAFKA_SASL_PASSWORD_FILE=/run/secrets/{login_file(principal)}"]
        run = ["run", "--rm", "--no-deps", *options, "ops"]
        return self._docker(*run, "vitals", *line.words)

    def _console_tool(self, tool: str, options: Sequence[str]) -> list[str]:
        server = []
        if needs_server(tool, options):
            server = [SERVER_OPTION, "kafka:9092"]
            if not any(word.partition("=")[0] == OPTIONS_OPTION for word in options):
                server += [OPTIONS_OPTION, _TOOL_OPTIONS]
        path = f"/opt/kafka/bin/kafka-{tool}.sh"
        return self._docker("exec", "kafka", path, *server, *options)

    def _exports(self, principal: Principal) -> list[str]:
        ports = {
            service: self._answer("port", service, str(port)).strip()
            for service, port in _HOST_PORTS.items()
        }
        host, _, port = ports["mysql"].rpartition(":")
        secrets = json.loads(self._answer("config", "--format", "json"))["secrets"]
        names = {
            "KAFKA_BOOTSTRAP_SERVERS": ports["kafka"],
            "KAFKA_SECURITY_PROTOCOL": KafkaSecurity.SASL_SSL.value,
            "KAFKA_SASL_USERNAME": principal.value,
            "KAFKA_SASL_PASSWORD_FILE": secrets[login_file(principal)]["file"],
            "KAFKA_SSL_CA": secrets["ca.pem"]["file"],
            "DB_HOST": host,
            "DB_PORT": port,
            "DB_USER": account_name(Role.READER),
            "DB_PASSWORD_FILE": secrets["db_reader_password"]["file"],
            "DB_SSL_CA": secrets["ca.pem"]["file"],
            "BATCH_KEY_PATH": secrets["batch_key_operator"]["file"],
        }
        return [f"export {name}={shlex.quote(value)}" for name, value in names.items()]

    def _require_running(self) -> None:
        # else docker makes networks and volumes for the command, and then misses a file of secrets
        if not self._answer("ps", "--quiet", "--status", "running").strip():
            raise UnavailableError(
                "nothing is running in containers: start it with `docker compose up -d --wait`"
            )

    def _answer(self, *arguments: str) -> str:
        command = self._docker(*arguments)
        answer = subprocess.run(
            command, cwd=self._folder(), capture_output=True, text=True, check=False
        )
        if answer.returncode != 0:
            raise UnavailableError(
                f"the stack in containers is not running: {answer.stderr.strip()}",
                hint="start it: docker compose up -d --wait",
            )
        return answer.stdout

    def _docker(self, *arguments: str) -> list[str]:
        return ["docker", "compose", *self._project(), *arguments]

    def _project(self) -> list[str]:
        if self.environment.get("COMPOSE_FILE"):
            return []
        is_here = any(Path(name).exists() for name in _COMPOSE_FILES)
        if is_here and self._folder() is None:
            return []
        return ["--project-directory", os.fspath(Path.cwd() if is_here else _REPOSITORY)]

    def _folder(self) -> Path | None:
        """Where docker is run if not here: compose 2 does not start in a folder with a % in its path."""
        is_readable = "%" not in str(Path.cwd()) or bool(self.environment.get("COMPOSE_FILE"))
        return None if is_readable else Path("/")


class VitalsGroup(PlainGroup):
    """Runs a command here or, after ``--compose``, on the stack in containers."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command to run; does not return if it runs in containers."""
        if ctx.params.get("compose") and not ctx.resilient_parsing:
            line = CommandLine.read(self, args, ctx)
            ctx.exit(ComposeStack(dict(os.environ)).run(line))
        return super().resolve_command(ctx, args)
