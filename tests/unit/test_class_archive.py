"""When the file for Spark's faster starts is made."""

import os
import subprocess

import pytest

from ops.stack.class_archive import ensure_spark_archive


@pytest.fixture
def made(monkeypatch, tmp_path):
    """Makes the archive with a jar of the year 2001, unless it is there; returns whether it did."""
    jars = tmp_path / "jars"
    jars.mkdir()
    (jars / "connector.jar").touch()
    os.utime(jars / "connector.jar", (1_000_000_000, 1_000_000_000))
    commands = []

    def run(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)

    def make(path):
        ensure_spark_archive(path, jars=jars, environment={}, say=lambda _: None)
        return bool(commands)

    return make


def test_it_is_made_once(made, tmp_path):
    path = tmp_path / "classes.jsa"
    path.touch()
    assert not made(path)
    path.unlink()
    assert made(path)


def test_one_that_is_older_than_a_jar_is_made_again(made, tmp_path):
    """The JVM ignored it and said nothing: each start took three seconds longer."""
    path = tmp_path / "classes.jsa"
    path.touch()
    os.utime(path, (900_000_000, 900_000_000))
    assert made(path)
    # the JVM that makes it would otherwise start with it
    assert not path.exists()
