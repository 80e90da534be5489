"""What the machine must have, and the message if it does not."""

import socket

import pytest

from common.errors import ConfigurationError, UnavailableError
from ops.stack import provision, server_binary
from ops.stack.java import find_java, parse_version
from ops.stack.ports import choose_port, free_port, wait_for_port


@pytest.fixture
def fake_java(tmp_path):
    """A JAVA_HOME whose java prints a version."""

    def make(version_line: str, code: int = 0):
        java = tmp_path / "bin" / "java"
        java.parent.mkdir()
        java.write_text(f"#!/bin/sh\necho '{version_line}' >&2\nexit {code}\n")
        java.chmod(0o755)
        return tmp_path

    return make


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("no version at all", 0),
    ],
)
def test_java_version_is_read(line, version):
    assert parse_version(line) == version


def test_java_that_is_too_old_is_refused(fake_java):
    with pytest.raises(ConfigurationError, match="is Java 11, at least 17") as raised:
        find_java(fake_java('openjdk version "11.0.2"'))
    assert "openjdk-17" in raised.value.hint


def test_java_that_does_not_run_is_told_apart(fake_java):
    with pytest.raises(ConfigurationError, match="does not run"):
        find_java(fake_java("cannot execute", code=1))


def test_missing_java_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(ConfigurationError, match="no java in"):
        find_java(tmp_path)


def test_a_requested_port_must_be_free(listener):
    with pytest.raises(ConfigurationError, match=f"VITALS_DB_PORT: port {listener} is in use"):
        choose_port("VITALS_DB_PORT", listener, None)


def test_port_of_the_last_start_is_kept_unless_taken(listener):
    free = free_port()
    assert choose_port("", None, free) == free
    assert choose_port("", None, listener) != listener


def test_wait_for_a_port_ends_with_what_the_check_raises():
    """A dead server must not be waited for."""

    def check() -> None:
        raise UnavailableError("the server died")

    with pytest.raises(UnavailableError, match="the server died"):
        wait_for_port(free_port(), 5, check)


def test_wait_for_a_port_has_a_limit():
    with pytest.raises(UnavailableError, match="nothing listened"):
        wait_for_port(free_port(), 0.1, lambda: None)


def test_full_disk_is_reported_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(provision, "_NEEDED_BYTES", 1 << 60)
    with pytest.raises(ConfigurationError, match="of free disk"):
        provision.require_disk_space(tmp_path)


def test_platform_without_binaries_says_what_to_install(monkeypatch):
    monkeypatch.setattr(server_binary.platform, "machine", lambda: "aarch64")
    with pytest.raises(ConfigurationError, match="no database server for") as raised:
        server_binary.require_mariadb_platform()
    assert "mysqld" in raised.value.hint


@pytest.mark.parametrize(
    ("version", "is_taken"),
    [
        ("mysqld  Ver 9.7.0 for Linux on x86_64 (MySQL Community Server - GPL)", True),
        ("mysqld  Ver 8.0.36-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))", True),
        ("mysqld  Ver 5.7.44 for Linux on x86_64 (MySQL Community Server (GPL))", False),
        ("mysqld  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64", False),
    ],
)
def test_only_a_new_enough_mysql_is_taken_from_path(version, is_taken, tmp_path, monkeypatch):
    mysqld = tmp_path / "mysqld"
    mysqld.write_text(f"#!/bin/sh\necho '{version}'\n")
    mysqld.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = server_binary.installed_mysqld()
    assert (found is not None) == is_taken
