"""Every command of `vitals`: its output without a stack or a server, and its help."""

import re
import socket
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from common.broker.principals import Principal
from common.broker.reader import TopicReader
from common.version import VERSION
from db.schema.accounts import Role
from ops import __main__ as vitals_main
from tests.loopback import free_port

NEEDS_A_STACK = {
    "status": [],
    "lag": [],
    "explain": ["p-1", "glicose", "2026-03-01"],
    "tail": [],
    "kafka": ["topics", "--list"],
    "monitor": [],
    "env": [],
    "reconcile": [],
    "replay": ["readings.csv"],
    "quarantine list": [],
    "quarantine stats": [],
    "quarantine show": ["0@500"],
    "quarantine discard": ["--reason", "missing"],
    "quarantine resend": [],
    "quarantine replay": [],
    "patient add": ["p-1"],
    "patient end": ["p-1"],
    "patient list": [],
    "users looks": [],
    "users prune": [],
}
MORE = {
    "reconcile --repair": ["reconcile", "--repair"],
    "replay of the archive": ["replay", "output/raw"],
    "status --json": ["status", "--json"],
}
MAKES_ITS_OWN = {
    *("up", "demo", "down", "prove", "secrets make", "secrets rotate", "setup"),
    *("users add", "users remove", "users list"),
}
WITHOUT_A_STACK = {name: [*name.split(), *words] for name, words in NEEDS_A_STACK.items()} | MORE
NOTHING_RUNS = "nothing is running: start it with `vitals up`"


def commands(group, names=()):
    """Every command with its names, including hidden ones."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, (*names, name))
        else:
            yield " ".join((*names, name)), command


ALL = dict(commands(get_command(vitals_main.app)))


def test_no_command_is_forgotten_here():
    assert set(ALL) == set(NEEDS_A_STACK) | MAKES_ITS_OWN


@pytest.mark.parametrize("words", WITHOUT_A_STACK.values(), ids=WITHOUT_A_STACK)
def test_without_a_stack_every_command_says_how_to_start_one(vitals, words):
    code, out, err = vitals(*words)
    assert code == 3
    assert '{"running": false}' in out or NOTHING_RUNS in out + err


@pytest.mark.parametrize("words", WITHOUT_A_STACK.values(), ids=WITHOUT_A_STACK)
def test_with_a_stopped_stack_it_says_the_same(vitals, stopped_home, words):
    """Its addresses are remembered but nothing listens: no client's timeout is waited for."""
    code, out, err = vitals(*words)
    assert code == 3
    assert '{"running": false}' in out or NOTHING_RUNS in out + err


@pytest.fixture
def stopped_home(tmp_path):
    """What `vitals down` leaves of a stack."""
    for folder in ("kafka", "database"):
        (tmp_path / "home" / folder).mkdir(parents=True)
        (tmp_path / "home" / folder / "port").write_text(str(free_port()))
    (tmp_path / "home" / "secrets").mkdir()
    names = [f"kafka_{principal}_password" for principal in Principal]
    for name in (*names, *(f"db_{role}_password" for role in Role)):
        (tmp_path / "home" / "secrets" / name).write_text("secret")


@pytest.mark.parametrize(
    "name", ["status", "lag", "tail", "kafka", "reconcile", "replay", "quarantine resend"]
)
def test_a_broker_that_the_environment_names_is_named_where_it_is_away(vitals, monkeypatch, name):
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", address)
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    for setting, value in database_at(free_port()).items():
        monkeypatch.setenv(setting, value)
    code, out, err = vitals(*name.split(), *NEEDS_A_STACK[name])
    assert code == 3
    wanted = "the database does not answer" if name == "quarantine resend" else address
    assert wanted in out + err


@pytest.mark.parametrize("name", ["explain", "quarantine list", "quarantine show"])
def test_a_database_that_the_environment_names_is_named_where_it_is_away(vitals, monkeypatch, name):
    port = free_port()
    for setting, value in database_at(port).items():
        monkeypatch.setenv(setting, value)
    code, _, err = vitals(*name.split(), *NEEDS_A_STACK[name])
    assert code == 3
    assert f"the database does not answer at 127.0.0.1:{port}" in err


def database_at(port):
    return {"DB_HOST": "127.0.0.1", "DB_PORT": str(port), "DB_USER": "u", "DB_PASSWORD": "p"}


def test_of_several_brokers_one_is_enough(vitals, monkeypatch):
    """Then the topic is read, and this one does not answer as a broker does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        live = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port()},PLAINTEXT://{live}")
        monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
        monkeypatch.setenv("DB_HOST", "127.0.0.1")
        monkeypatch.setenv("DB_PORT", str(free_port()))
        monkeypatch.setenv("DB_USER", "u")
        monkeypatch.setenv("DB_PASSWORD", "p")
        code, _, err = vitals("lag")
    assert code == 3
    assert "the database does not answer" in err


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("p,2026-03-01,glicose,99", 0, "1 rows in 1 batches would be 1 accepted, 0 quarantined"),
        ("p,2026-03-01,glicose,much", 1, "line 2: column value: a value that is not a number"),
        ("p,1772352000,glicose,99", 4, "--time-unit s fits"),
    ],
)
def test_a_dry_replay_of_a_file_needs_nothing_that_runs(vitals, tmp_path, content, code, said):
    path = tmp_path / "readings.csv"
    path.write_text(f"patient_id,timestamp,sensor,value\n{content}\n")
    ended, out, err = vitals("replay", str(path), "--dry-run")
    assert (ended, said in out + err) == (code, True), out + err


@pytest.mark.parametrize(
    ("words", "served"),
    [
        (("replay", "readings.csv"), "KAFKA_BOOTSTRAP_SERVERS"),
        (("replay", "output/raw", "--dry-run"), "DB_HOST"),
        (("quarantine", "resend", "--dry-run"), "DB_HOST"),
    ],
)
def test_a_command_asks_only_for_the_server_that_it_uses(vitals, monkeypatch, words, served):
    """What it then does is not the question: it has stopped asking."""
    Path("output/raw").mkdir(parents=True)
    monkeypatch.setattr("ops.cli.commands.replay.replay", lambda *_, **__: 0)
    monkeypatch.setattr("ops.cli.commands.replay.replay_archive", lambda *_, **__: None)
    monkeypatch.setattr("ops.cli.commands.quarantine.resend", lambda *_, **__: None)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        if served == "DB_HOST":
            monkeypatch.setenv("DB_HOST", "127.0.0.1")
            monkeypatch.setenv("DB_PORT", str(port))
            monkeypatch.setenv("DB_USER", "u")
            monkeypatch.setenv("DB_PASSWORD", "p")
        else:
            monkeypatch.setenv(served, f"127.0.0.1:{port}")
            monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
        code, out, err = vitals(*words)
    assert code == 0, out + err


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("name", ["", "quarantine", *ALL])
def test_every_command_explains_itself_and_cuts_nothing_off(vitals, name, option):
    code, out, _ = vitals(*name.split(), option)
    assert code == 0
    assert "Usage: vitals" in out
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("name", ALL)
def test_every_option_and_argument_says_what_it_is(name):
    undescribed = [param.name for param in ALL[name].params if not param.help]
    assert undescribed == []


def test_the_help_shows_the_commands_in_groups_and_no_hidden_ones(vitals):
    _, out, _ = vitals("--help")
    groups = re.findall(r"^╭─ (.*?) ─", out, re.MULTILINE)
    assert groups == ["Options", "Run it", "Look", "Prove and repair", "Set up"]
    _, out, _ = vitals("quarantine", "--help")
    assert "resend" in out
    assert "replay" not in out


def test_kafkas_tools_are_listed(vitals):
    _, out, _ = vitals("kafka", "--help")
    for tool in ("topics", "console-consumer", "consumer-groups", "run-class"):
        assert tool in out


def test_the_version_is_printed(vitals):
    assert vitals("--version") == (0, f"vitals {VERSION}\n", "")


def test_a_server_that_accepts_connections_but_is_not_a_broker_is_named_too(vitals, monkeypatch):
    """After the client's own timeout: only a broker's protocol tells them apart."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", address)
        monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
        monkeypatch.setitem(TopicReader.__init__.__kwdefaults__, "timeout_s", 0.5)
        code, _, err = vitals("tail")
    assert code == 3
    assert "topic sensor-batches" in err
    assert address in err
