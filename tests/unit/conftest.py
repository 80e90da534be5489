"""A command of `vitals` in this process, and a pipeline that has run, for tests that compare what it left."""

import sys

import pytest
import structlog

from ops import __main__ as vitals_main
from tests.reconciled import LACKING, World
from tests.unit.watched import new_ward


@pytest.fixture(autouse=True)
def own_logs():
    """A command under test sets up logging for its own output, which is closed after it."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def vitals(tmp_path, monkeypatch, capsys):
    """Runs a command in this process, in an empty folder: exit code, output, errors."""
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.setenv("VITALS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    # it would tie the log of all other tests to a stream that closes with this one
    monkeypatch.setattr(vitals_main, "_configure_log", lambda: None)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["vitals", *words])
        with pytest.raises(SystemExit) as ended:
            vitals_main.main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def done(world):
    """One batch, archived and processed, with one reading in quarantine."""
    world.archive(LACKING)
    world.take(LACKING, rejected=[(LACKING.batch_id, 0, 0)])
    return world


@pytest.fixture
def ward():
    """Two patients who wear everything."""
    return new_ward()
