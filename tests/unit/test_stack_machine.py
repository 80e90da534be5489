"""What the machine must have, and the message if it does not."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from common.broker.principals import Principal
from common.errors import ConfigurationError, UnavailableError
from db.schema.accounts import Role
from ops.credentials.passwords import ensure_password
from ops.stack import DatabaseServer, provision, server_binary
from ops.stack.database_files import Flavour
from ops.stack.invocation import Invocation, StackSettings
from ops.stack.java import find_java, parse_version
from ops.stack.kafka_files import (
    Logins,
    Places,
    broker_properties,
    log4j_configuration,
    properties_text,
)
from ops.stack.ports import choose_port, wait_for_port, was_taken
from tests.loopback import free_port


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


def test_a_port_that_was_taken_is_recognised(listener):
    """Also where whoever took it has ended since: both servers and our own processes say so."""
    free = free_port()
    assert was_taken([free, listener], "")
    assert was_taken([free], "Can't start server: Bind on TCP/IP port: Address already in use")
    assert not was_taken([free], "no space left on device")


@pytest.mark.parametrize(("name", "is_beside"), [("short", True), ("ã" * 60, False)])
def test_the_socket_of_the_database_fits_into_what_the_kernel_allows(name, is_beside, tmp_path):
    """In bytes, not in characters; and where TMPDIR is too long as well."""
    folder = tmp_path / name
    server = DatabaseServer(folder, server_binary.ServerBinary(Flavour.MARIADB, (), ""))
    path = server._socket_path()
    assert (path.parent == folder) == (is_beside and len(os.fsencode(path)) <= 107)
    assert len(os.fsencode(path)) <= 107
    server.stop()
    assert is_beside or not path.parent.exists()


def test_kafkas_files_hold_no_path(tmp_path):
    """Commas, %, $ and accents of a path mean something there."""
    logins = Logins(Path("../secrets"), dict.fromkeys(Principal, "secret"))
    properties = properties_text(broker_properties(Path("data"), Places(1, 2, 3), logins))
    assert str(tmp_path) not in properties
    assert 'fileName="kafka.log"' in log4j_configuration(Path("kafka.log"))


def test_a_cache_that_java_cannot_read_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="a colon in its name"):
        provision.jar_source(tmp_path / "a:b", Path("java"))


def test_output_is_beside_the_data_of_its_stack_unless_it_was_elsewhere(tmp_path, monkeypatch):
    """Two stacks differ by VITALS_HOME alone; one of an earlier version finds its files again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OUTPUT_DIR", raising=False)
    monkeypatch.delenv("VITALS_HOME", raising=False)
    assert StackSettings().output_dir == Path("output")
    monkeypatch.setenv("VITALS_HOME", str(tmp_path / ".vitals"))
    assert StackSettings().output_dir == Path("output")
    monkeypatch.setenv("VITALS_HOME", "second")
    assert StackSettings().output_dir == Path("second/output")
    Path("second/database").mkdir(parents=True)
    assert StackSettings().output_dir == Path("output")
    monkeypatch.setenv("OUTPUT_DIR", "third")
    assert StackSettings().output_dir == Path("third")


def test_a_command_takes_its_login_from_its_own_stack_only(tmp_path, monkeypatch):
    """Another broker gets the login that the environment names, never one of ours."""
    for folder, port in (("kafka", 2001), ("database", 2002)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "port").write_text(str(port))
    names = [f"kafka_{principal}_password" for principal in Principal]
    for name in (*names, *(f"db_{role}_password" for role in Role)):
        ensure_password(tmp_path / "secrets", name)
    settings = StackSettings(vitals_home=tmp_path)
    monkeypatch.setenv("KAFKA_SASL_USERNAME", "gateway")
    made = Invocation(settings, dict(os.environ), Principal.ADMIN)
    assert made.kafka().kafka_sasl_username == "admin"
    assert made.kafka().kafka_sasl_password.place.name == "kafka_admin_password"
    assert made.kafka().batch_key_path == tmp_path / "secrets" / "batch_key_producer"
    own = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:2001"}
    assert replace(made, environment=own).kafka().kafka_sasl_username == "admin"
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "elsewhere:9092")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "theirs")
    theirs = replace(made, environment=dict(os.environ)).kafka()
    assert (theirs.kafka_bootstrap_servers, theirs.kafka_sasl_username) == (
        "elsewhere:9092",
        "gateway",
    )
    assert theirs.kafka_sasl_password.get_secret_value() == "theirs"
    assert (theirs.kafka_ssl_ca, theirs.batch_key_path) == (None, None)
    monkeypatch.setenv("DB_HOST", "elsewhere")
    monkeypatch.setenv("DB_USER", "theirs")
    monkeypatch.setenv("DB_PASSWORD", "theirs")
    assert made.database().db_user == "vitals_reader"
    theirs = replace(made, environment=dict(os.environ), role=Role.MIGRATOR).database()
    assert (theirs.db_host, theirs.db_user) == ("elsewhere", "theirs")
    assert theirs.db_password.get_secret_value() == "theirs"
    assert theirs.db_ssl_ca is None
    ours = replace(made, environment={"DB_USER": "vitals_reader"}, role=Role.MIGRATOR).database()
    assert (ours.db_port, ours.db_user) == (2002, "vitals_migrator")
    assert ours.db_password.place.name == "db_migrator_password"
