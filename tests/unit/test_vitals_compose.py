"""`vitals --compose`: the command that it hands to docker; tests/compose run it for real."""

import pytest

from common.errors import ConfigurationError
from ops.cli.compose import ComposeStack


@pytest.fixture(autouse=True)
def _beside_a_compose_file(tmp_path, monkeypatch):
    (tmp_path / "docker-compose.yml").touch()
    monkeypatch.chdir(tmp_path)


def command(*arguments):
    return ComposeStack({}).command(list(arguments))


def test_a_command_runs_in_the_service_ops():
    run = ["docker", "compose", "run", "--rm", "--no-deps", "ops", "vitals"]
    given = ["quarantine", "list", "--limit", "3"]
    assert command(*given) == [*run, *given]


def test_a_console_tool_runs_in_the_broker():
    tool = ["docker", "compose", "exec", "kafka", "/opt/kafka/bin/kafka-topics.sh"]
    assert command("kafka", "topics", "--list") == [
        *tool,
        "--bootstrap-server",
        "kafka:9092",
        "--list",
    ]


def test_a_file_to_replay_is_shown_to_the_container_and_registering_takes_another_account(tmp_path):
    (tmp_path / "some readings.csv").touch()
    made = command("replay", "some readings.csv", "--register")
    assert f"{tmp_path}/some readings.csv:/input/some readings.csv:ro" in made
    assert made[-3:] == ["replay", "/input/some readings.csv", "--register"]
    assert "DB_USER=vitals_migrator" in made


def test_discarding_takes_an_account_that_may_do_it_and_listing_does_not():
    assert "DB_USER=vitals_migrator" in command("quarantine", "discard", "--reason", "missing")
    assert "DB_USER=vitals_migrator" in command("quarantine", "replay", "--reason", "missing")
    assert "DB_USER=vitals_migrator" not in command("quarantine", "list")


def test_repairing_takes_an_account_that_may_do_it_and_proving_does_not():
    assert "DB_USER=vitals_migrator" in command("reconcile", "--repair", "--dry-run")
    assert "DB_USER=vitals_migrator" not in command("reconcile", "--wait", "5")


def test_from_another_folder_the_repository_is_named(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert command("status")[2] == "--project-directory"


@pytest.mark.parametrize("name", ["up", "down", "demo"])
def test_what_has_a_command_of_compose_says_which(name):
    with pytest.raises(ConfigurationError, match="use: "):
        command(name)


def test_without_docker_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="install Docker"):
        ComposeStack({}).run(["status"])
