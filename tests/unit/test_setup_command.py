"""How many demo patients `vitals setup` registers: a hospital wants none."""

import pytest
from typer.testing import CliRunner

from common.errors import ConfigurationError
from common.settings import load
from ops.cli import setup_app
from ops.cli.commands import setup
from ops.cli.commands.setup import SetupSettings

REQUIRED = {
    "DB_HOST": "127.0.0.1",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
    **{
        f"DB_{role}_PASSWORD": "p"
        for role in ("ADMIN", "MIGRATOR", "CONSUMER", "READER", "CADENCE")
    },
}


@pytest.fixture
def patients(monkeypatch):
    """Runs the command as far as the settings; returns how many patients it would register."""
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    given = []
    monkeypatch.setattr(setup, "set_up", lambda settings, *_: given.append(settings.patients))
    # it would tie the log of all other tests to a stream that closes with this one
    monkeypatch.setattr(setup_app.log, "configure", lambda *_, **__: None)

    def run(*words, setting=None):
        if setting is not None:
            monkeypatch.setenv("PATIENTS", setting)
        done = CliRunner().invoke(setup_app.app, ["setup", *words])
        assert done.exit_code == 0, done.output
        return given.pop()

    return run


def test_the_option_wins_over_the_setting(patients):
    assert patients() == 100
    assert patients(setting="5") == 5
    assert patients("--patients", "0") == 0
    assert patients(setting="0") == 0


def test_fewer_than_none_is_refused(patients):
    assert CliRunner().invoke(setup_app.app, ["setup", "--patients", "-1"]).exit_code == 2
    with pytest.raises(ConfigurationError, match="PATIENTS"):
        load(SetupSettings, patients=-1)


def test_the_listener_of_the_first_login_is_an_address_or_nothing(monkeypatch):
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    for servers in ("", "kafka", "SASL_SSL://kafka-1:9094,kafka-2:9094"):
        assert load(SetupSettings, kafka_first_login_servers=servers)
    with pytest.raises(ConfigurationError, match=r"KAFKA_FIRST_LOGIN_SERVERS: .*`host:port`"):
        load(SetupSettings, kafka_first_login_servers="kafka:abc")
