"""`vitals --compose`: the command that it passes to docker; tests/compose runs it for real."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from common.errors import ConfigurationError
from ops.__main__ import app
from ops.cli.command_line import CommandLine
from ops.cli.compose import ComposeStack

REPOSITORY = Path(__file__).parents[2]
MIGRATOR = "DB_USER=vitals_migrator"


@pytest.fixture(autouse=True)
def _beside_a_compose_file(tmp_path, monkeypatch):
    (tmp_path / "docker-compose.yml").touch()
    monkeypatch.chdir(tmp_path)


def line(*words):
    group = get_command(app)
    context = group.make_context("vitals", ["--compose", *words])
    return CommandLine.read(group, words, context)


def command(*words):
    return ComposeStack({}).command(line(*words))


def test_a_command_runs_in_the_service_ops():
    run = ["docker", "compose", "run", "--rm", "--no-deps", "ops", "vitals"]
    given = ["quarantine", "list", "--limit", "3"]
    assert command(*given) == [*run, *given]


def test_a_console_tool_runs_in_the_broker():
    tool = ["docker", "compose", "exec", "kafka", "/opt/kafka/bin/kafka-topics.sh"]
    server = ["--bootstrap-server", "kafka:9092"]
    login = ["--command-config", "/run/admin.properties"]
    assert command("kafka", "topics", "--list") == [*tool, *server, *login, "--list"]
    own = ["--command-config", "/run/own.properties", "--list"]
    assert command("kafka", "topics", *own) == [*tool, *server, *own]


@pytest.mark.parametrize(
    ("words", "principal"),
    [
        (["replay", "output/raw"], "producer"),
        (["reconcile", "--repair"], "admin"),
        (["reconcile"], "reader"),
    ],
)
def test_a_command_logs_in_at_the_broker_as_it_declares(words, principal):
    login = f"KAFKA_SASL_USERNAME={principal}"
    assert (login in command(*words)) == (principal != "reader")


@pytest.mark.parametrize(("name", "service"), [("make", "secrets"), ("rotate", "rotate")])
def test_secrets_are_written_by_the_owner_of_their_folder(name, service):
    owner = f"{os.getuid()}:{os.getgid()}"
    run = ["docker", "compose", "run", "--rm", "--user", owner]
    assert command("secrets", name) == [*run, service]


def test_a_file_to_replay_is_mounted_and_registering_uses_another_account(tmp_path):
    (tmp_path / "some readings.csv").touch()
    made = command("replay", "some readings.csv", "--register")
    assert f"{tmp_path}/some readings.csv:/input/some readings.csv:ro" in made
    assert made[-3:] == ["replay", "/input/some readings.csv", "--register"]
    assert "DB_USER=vitals_migrator" in made


def test_the_file_is_the_word_that_the_parser_reads_as_it(tmp_path):
    """Not an option's value with the same spelling; a double hyphen may precede it."""
    for name in ("long", "-odd.csv"):
        (tmp_path / name).touch()
    mounted = f"{tmp_path}/long:/input/long:ro"
    made = command("replay", "--format", "long", "./long")
    assert mounted in made
    assert made[-4:] == ["replay", "--format", "long", "/input/long"]
    assert command("replay", "--", "-odd.csv")[-3:] == ["replay", "--", "/input/-odd.csv"]


def test_an_archive_folder_means_the_containers(tmp_path):
    (tmp_path / "output" / "raw").mkdir(parents=True)
    made = command("replay", "output/raw", "--dry-run")
    assert "--volume" not in made
    assert made[-3:] == ["replay", "output/raw", "--dry-run"]


@pytest.mark.parametrize(
    "words",
    [
        ("quarantine", "discard", "--reason", "missing"),
        ("quarantine", "resend", "--reason", "missing"),
        ("quarantine", "replay", "--reason", "missing"),
        ("reconcile", "--repair", "--dry-run"),
        ("replay", "readings.csv", "--register"),
    ],
)
def test_commands_that_change_tables_use_an_account_that_may(words):
    made = command(*words)
    assert MIGRATOR in made
    assert "DB_PASSWORD_FILE=/run/secrets/db_migrator_password" in made


@pytest.mark.parametrize(
    "words",
    [
        ("quarantine", "list"),
        ("quarantine", "list", "--patient", "discard"),
        ("quarantine", "list", "--patient", "--repair"),
        ("quarantine", "stats", "--sensor", "--register"),
        ("quarantine", "show", "0@1", "--topic", "replay"),
        ("reconcile", "--wait", "5"),
        ("replay", "readings.csv"),
        ("replay", "--", "--register"),
        ("explain", "--", "--repair", "glicose", "2026-03-01"),
        ("lag", "--json"),
    ],
)
def test_commands_that_only_read_keep_the_reader_account(words):
    assert MIGRATOR not in command(*words)


@pytest.mark.parametrize(
    "words", [("nonsense",), ("quarantine", "nonsense"), ("lag", "--nonsense")]
)
def test_an_invalid_command_starts_no_container(words):
    with pytest.raises(Exception, match=r"No such (command|option)"):
        line(*words)


def test_an_unknown_reason_is_refused_before_docker():
    with pytest.raises(ConfigurationError, match="there is no reason 'replay'"):
        line("quarantine", "list", "--reason", "replay")


def test_help_is_printed_without_docker(capsys):
    with pytest.raises(typer.Exit):
        line("kafka", "--help")
    assert "console-consumer" in capsys.readouterr().out


def test_a_tools_own_help_is_asked_of_the_tool():
    path = "/opt/kafka/bin/kafka-topics.sh"
    assert command("kafka", "topics", "--help")[-2:] == [path, "--help"]


def test_the_command_passes_on_what_comes_after_compose(tmp_path, monkeypatch):
    """The whole way, with a docker that prints its arguments."""
    docker_that_runs(tmp_path, monkeypatch, 'echo "$@"; exit 7')
    ended = vitals("--compose", "quarantine", "list", "--patient", "--repair")
    assert ended.returncode == 7
    assert (
        ended.stdout == "compose run --rm --no-deps ops vitals quarantine list --patient --repair\n"
    )


@pytest.mark.parametrize(
    "words", [("status",), ("env",), ("patient", "add", "p-1"), ("kafka", "topics", "--list")]
)
def test_without_containers_it_says_how_to_start_them_and_makes_none(tmp_path, monkeypatch, words):
    asked = docker_that_runs(tmp_path, monkeypatch, "exit 7", running="")
    ended = vitals("--compose", *words)
    assert ended.returncode == 3
    assert "start it with `docker compose up -d --wait`" in ended.stderr
    assert asked.read_text() == "compose ps --quiet --status running\n"


def test_an_unknown_kafka_tool_is_answered_with_the_known_ones(tmp_path, monkeypatch):
    asked = docker_that_runs(tmp_path, monkeypatch, "exit 7")
    ended = vitals("--compose", "kafka", "topic", "--list")
    assert ended.returncode == 2
    assert "did you mean topics" in ended.stderr
    assert not asked.exists()


def test_env_gives_the_login_that_was_asked_for(tmp_path, monkeypatch):
    names = ("kafka_gateway_password", "ca.pem", "db_reader_password", "batch_key_operator")
    config = json.dumps({"secrets": {name: {"file": f"/secrets/{name}"} for name in names}})
    script = f"""case "$*" in *" port "*) echo 127.0.0.1:7;; *) echo '{config}';; esac"""
    docker_that_runs(tmp_path, monkeypatch, script)
    ended = vitals("--compose", "env", "--as", "gateway")
    assert ended.returncode == 0, ended.stderr
    assert "export KAFKA_SASL_USERNAME=gateway\n" in ended.stdout
    assert "export KAFKA_SASL_PASSWORD_FILE=/secrets/kafka_gateway_password\n" in ended.stdout


def test_people_and_secrets_are_made_before_the_first_start(tmp_path, monkeypatch):
    docker_that_runs(tmp_path, monkeypatch, "exit 7", running="")
    for words in (("users", "add", "somebody"), ("users", "list"), ("secrets", "make")):
        assert vitals("--compose", *words).returncode == 7


def docker_that_runs(folder, monkeypatch, script, *, running="4f1c"):
    """Puts a docker on PATH: it lists ``running``, else does ``script``; returns what it was asked."""
    docker, asked = folder / "bin" / "docker", folder / "asked"
    docker.parent.mkdir()
    docker.write_text(
        f'#!/bin/sh\necho "$@" >>{shlex.quote(str(asked))}\n'
        f'case "$*" in *" ps --quiet"*) echo "{running}"; exit 0;; esac\n{script}\n'
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:/usr/bin:/bin")
    return asked


def vitals(*words):
    return subprocess.run(
        [sys.executable, "-m", "ops", *words],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_from_another_folder_the_repository_is_named(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert command("status")[2] == "--project-directory"


def test_in_a_folder_that_compose_cannot_read_it_is_run_elsewhere(tmp_path, monkeypatch):
    """Compose 2.40 puts the current folder into a URL without escaping its percent sign."""
    folder = tmp_path / "Área, 100% #1"
    folder.mkdir()
    (folder / "docker-compose.yml").write_text("services: {one: {image: one}}")
    monkeypatch.chdir(folder)
    docker_that_runs(tmp_path, monkeypatch, f"pwd >{shlex.quote(str(tmp_path / 'pwd'))}")
    assert command("status")[2:4] == ["--project-directory", str(folder)]
    assert ComposeStack({}).run(line("status")) == 0
    assert (tmp_path / "pwd").read_text() == "/\n"


@pytest.mark.parametrize("name", ["up", "down", "demo", "prove", "monitor"])
def test_commands_that_compose_has_itself_are_named(name):
    with pytest.raises(ConfigurationError, match="use: "):
        command(name)


def test_without_docker_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="install Docker"):
        ComposeStack({}).run(line("status"))
