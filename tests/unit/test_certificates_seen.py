"""When a broker's certificate and its authority end, as a client sees them."""

import contextlib
import socket
import ssl
import threading
import time

import pytest
from pydantic import SecretStr

from common.settings import KafkaSettings
from ops.credentials import x509
from ops.credentials.authority import (
    ensure_authority,
    ensure_server_certificate,
    replace_server_certificate,
)
from ops.look.certificates import ends_seen
from tests.loopback import free_port

DAY_S = 86_400


HOSTS = ("localhost", "127.0.0.1")


@pytest.fixture
def server(tmp_path):
    """The address of something that answers TLS with our certificate."""
    ensure_server_certificate(tmp_path, "kafka", HOSTS)
    with serving(tmp_path) as address:
        yield address


@contextlib.contextmanager
def serving(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "kafka_server.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    stream, _ = listening.accept()
                    with contextlib.suppress(OSError), context.wrap_socket(stream, True) as secured:
                        secured.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def settings(address, authority=None):
    return KafkaSettings(
        kafka_bootstrap_servers=address,
        kafka_security_protocol="SASL_SSL" if authority else "PLAINTEXT",
        kafka_sasl_username="reader",
        kafka_sasl_password=SecretStr("x"),
        kafka_ssl_ca=authority,
    )


def test_both_ends_are_seen(server, tmp_path):
    found = ends_seen(settings(server, tmp_path / "ca.pem"), None)
    days = {name: (end - time.time()) / DAY_S for name, end in found.items()}
    assert days == {
        "kafka": pytest.approx(397, abs=0.1),
        "authority": pytest.approx(3650, abs=0.1),
    }


@pytest.mark.parametrize("servers", ["SASL_SSL://{0}", " {1}, {0}"])
def test_a_server_is_found_in_every_form_of_the_setting(server, tmp_path, servers):
    """With its protocol, and after one that does not answer."""
    named = servers.format(server, f"127.0.0.1:{free_port()}")
    assert set(ends_seen(settings(named, tmp_path / "ca.pem"), None)) == {"kafka", "authority"}


def test_of_several_servers_the_certificate_that_ends_first_counts(server, tmp_path, monkeypatch):
    """Whichever is named first: each has a certificate of its own."""
    monkeypatch.setattr(x509, "_SERVER_DAYS", 20)
    replace_server_certificate(tmp_path, "kafka", HOSTS)
    with serving(tmp_path) as ending:
        for servers in (f"{server},{ending}", f"{ending},{server}"):
            found = ends_seen(settings(servers, tmp_path / "ca.pem"), None)
            assert (found["kafka"] - time.time()) / DAY_S == pytest.approx(20, abs=0.1)


def test_what_cannot_be_verified_is_not_judged(server, tmp_path):
    ensure_authority(tmp_path / "another")
    assert ends_seen(settings(server, tmp_path / "another" / "ca.pem"), None) == {}
    assert ends_seen(settings(server), None) == {}
