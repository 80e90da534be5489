"""Certificates: what clients demand of them, and when they are made again."""

import socket
import ssl
import stat
import subprocess
import threading
from datetime import timedelta

import pytest

from common.errors import ConfigurationError
from ops.credentials import authority
from ops.credentials.authority import (
    ensure_authority,
    ensure_server_certificate,
    replace_server_certificate,
)
from ops.credentials.passwords import ensure_password

HOSTS = ("localhost", "127.0.0.1")


def made(folder, hosts=HOSTS):
    ensure_server_certificate(folder, "db", hosts)
    return (folder / "db_server.pem").read_bytes()


def handshake(folder, *, name, trusting, hosts_key="db_server.key"):
    """What TLS version a client that verifies authority and name agrees on with the server."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "db_server.pem", folder / hosts_key)
    client = ssl.create_default_context(cafile=str(trusting / "ca.pem"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    ours, theirs = socket.socketpair()

    def serve():
        try:
            server.wrap_socket(theirs, server_side=True).recv(1)
        except (ssl.SSLError, OSError):
            theirs.close()

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        with client.wrap_socket(ours, server_hostname=name) as connection:
            connection.send(b"x")
            return connection.version()
    finally:
        ours.close()
        serving.join()


@pytest.mark.parametrize("name", HOSTS)
def test_a_strict_client_that_trusts_the_authority_takes_the_server_by_name_and_address(
    tmp_path, name
):
    made(tmp_path)
    assert handshake(tmp_path, name=name, trusting=tmp_path) == "TLSv1.3"


def test_a_client_refuses_another_name_and_another_authority(tmp_path):
    made(tmp_path / "ours")
    ensure_authority(tmp_path / "others")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(tmp_path / "ours", name="another.example", trusting=tmp_path / "ours")
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(tmp_path / "ours", name="localhost", trusting=tmp_path / "others")


def test_the_keys_are_for_their_owner_and_the_folder_is_closed(tmp_path):
    folder = tmp_path / "secrets"
    made(folder)
    ensure_server_certificate(folder, "kafka", HOSTS)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {modes[name] for name in ("ca.key", "db_server.key", "kafka_server.pem")} == {0o600}


def test_java_gets_key_and_certificate_in_one_file_and_the_key_in_pkcs8(tmp_path):
    ensure_server_certificate(tmp_path, "kafka", HOSTS)
    text = (tmp_path / "kafka_server.pem").read_text()
    assert text.index("BEGIN PRIVATE KEY") < text.index("BEGIN CERTIFICATE")
    assert not (tmp_path / "kafka_server.key").exists()


def test_it_is_made_again_only_for_other_hosts_another_authority_or_near_its_end(
    tmp_path, monkeypatch
):
    first = made(tmp_path)
    assert made(tmp_path) == first
    second = made(tmp_path, ("mysql", *HOSTS))
    assert second != first
    (tmp_path / "db_server.key").unlink()
    third = made(tmp_path, ("mysql", *HOSTS))
    assert third != second
    for name in ("ca.pem", "ca.key"):
        (tmp_path / name).unlink()
    fourth = made(tmp_path, ("mysql", *HOSTS))
    assert fourth != third
    monkeypatch.setattr(authority, "RENEWED_BEFORE", timedelta(days=396))
    assert made(tmp_path, ("mysql", *HOSTS)) == fourth
    monkeypatch.setattr(authority, "RENEWED_BEFORE", timedelta(days=397))
    assert made(tmp_path, ("mysql", *HOSTS)) != fourth


def test_several_at_once_make_one_authority(tmp_path):
    threads = [threading.Thread(target=made, args=(tmp_path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert handshake(tmp_path, name="localhost", trusting=tmp_path) == "TLSv1.3"


def test_an_authority_with_another_key_is_an_error_that_says_what_to_do(tmp_path):
    for folder in ("ours", "others"):
        ensure_authority(tmp_path / folder)
    (tmp_path / "others" / "ca.key").replace(tmp_path / "ours" / "ca.key")
    with pytest.raises(ConfigurationError, match="backup"):
        made(tmp_path / "ours")


def test_without_the_authoritys_key_certificates_are_kept_and_a_missing_one_is_named(tmp_path):
    first = made(tmp_path)
    (tmp_path / "ca.key").unlink()
    replace_server_certificate(tmp_path, "db", ["other.example"])
    assert made(tmp_path, ["other.example"]) == first
    with pytest.raises(ConfigurationError, match=r"no .*kafka_server\.pem"):
        ensure_server_certificate(tmp_path, "kafka", HOSTS)


def test_a_rotation_makes_a_new_certificate_for_a_server_that_has_the_old_one_open(tmp_path):
    first = made(tmp_path)
    with (tmp_path / "db_server.pem").open("rb") as mounted:
        replace_server_certificate(tmp_path, "db", HOSTS)
        assert mounted.read() == (tmp_path / "db_server.pem").read_bytes() != first
    assert handshake(tmp_path, name="localhost", trusting=tmp_path) == "TLSv1.3"


def test_openssl_reads_them_as_a_chain(tmp_path):
    made(tmp_path)
    command = ["openssl", "verify", "-x509_strict", "-CAfile", "ca.pem", "db_server.pem"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_password_is_made_once(tmp_path):
    first = ensure_password(tmp_path / "secrets", "kafka_admin_password")
    assert len(first) >= 32
    assert ensure_password(tmp_path / "secrets", "kafka_admin_password") == first
    path = tmp_path / "secrets" / "kafka_admin_password"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
