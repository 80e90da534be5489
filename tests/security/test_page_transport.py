"""The page by TLS, and behind a proxy: what others claim about themselves does not count."""

import http.client
import json
import ssl
from contextlib import closing

import pytest

from ops.credentials.authority import ensure_authority, ensure_server_certificate
from ops.look.processes import TLS, Processes, Target
from tests.security.pages import connection, is_closed, served
from tests.signing_in import new_person, try_to_sign_in

FORM = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    ensure_authority(folder)
    ensure_server_certificate(folder, "kafka", ["localhost", "127.0.0.1"])
    return folder


@pytest.fixture
def page(tmp_path, secrets):
    pair = secrets / "kafka_server.pem"
    with served(tmp_path, ssl_certfile=pair, ssl_keyfile=pair) as served_page:
        yield served_page


def test_the_page_is_served_by_tls_and_its_cookie_goes_no_other_way(page, secrets):
    context = ssl.create_default_context(cafile=secrets / "ca.pem")
    client = http.client.HTTPSConnection("localhost", page.port, timeout=30, context=context)
    with closing(client):
        client.request("POST", "/api/login", json.dumps({"secret": new_person(page.people)}), FORM)
        answer = client.getresponse()
        answer.read()
        assert answer.status == 204
        assert "secure" in answer.headers["Set-Cookie"].lower()
        assert answer.headers["Strict-Transport-Security"]
        client.request("GET", "/api/ward", headers={"Cookie": answer.headers["Set-Cookie"]})
        assert client.getresponse().status == 200


def test_a_plaintext_request_gets_nothing(page):
    with connection(page, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") as client:
        assert is_closed(client)


def test_a_client_that_does_not_know_the_authority_stays_away(page):
    context = ssl.create_default_context()
    client = http.client.HTTPSConnection("localhost", page.port, timeout=30, context=context)
    with closing(client), pytest.raises(ssl.SSLCertVerificationError):
        client.connect()


def test_status_sees_that_it_is_alive(page):
    processes = Processes([Target("monitor", f"{TLS}127.0.0.1", page.port, is_fixed=True)])
    (process,) = processes.look()
    processes.close()
    assert process.is_up


@pytest.mark.parametrize("proxies", [[], ["203.0.113.7"], ["127.0.0.1"]])
def test_only_the_named_proxy_says_from_where_a_request_comes(tmp_path, proxies):
    """Else each wrong secret comes from another address, and none of them is ever limited."""
    is_proxy = "127.0.0.1" in proxies
    with served(tmp_path, proxies=proxies) as page:
        tried = [
            try_to_sign_in(page.port, "wrong", **{"X-Forwarded-For": f"198.51.100.{number}"})[0]
            for number in range(15)
        ]
        assert (429 in tried) != is_proxy


@pytest.mark.parametrize("proxies", [[], ["127.0.0.1"]])
def test_only_the_named_proxy_says_that_the_browser_came_by_tls(tmp_path, proxies):
    with served(tmp_path, proxies=proxies) as page:
        secret = new_person(page.people)
        _, cookie = try_to_sign_in(page.port, secret, **{"X-Forwarded-Proto": "https"})
        assert ("secure" in cookie.lower()) == bool(proxies)


def test_the_environment_makes_nobody_a_proxy(tmp_path, monkeypatch):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    with served(tmp_path) as page:
        secret = new_person(page.people)
        _, cookie = try_to_sign_in(page.port, secret, **{"X-Forwarded-Proto": "https"})
        assert "secure" not in cookie.lower()
