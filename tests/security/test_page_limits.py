"""What strangers send to the page costs them, not the page."""

import contextlib
import http.client

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ops.monitor import limits
from tests import loopback
from tests.security.pages import connection, is_closed, served

HEAD = b"POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNK = b"3e8\r\n" + 1_000 * b"x" + b"\r\n"
NEVER = 3_600.0


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with served(tmp_path_factory.mktemp("page")) as served_page:
        yield served_page


@pytest.fixture(scope="module")
def session(page):
    return page.enter()


def status(client):
    with contextlib.closing(client.makefile("rb")) as answer:
        return int(answer.readline().split()[1])


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(page):
    with connection(page, HEAD, b"Content-Length: 300000000\r\n\r\n") as client:
        assert status(client) == 413


def test_a_body_that_grows_too_large_is_refused_before_its_end(page):
    with connection(page, HEAD, b"Transfer-Encoding: chunked\r\n\r\n", *5 * [CHUNK]) as client:
        assert status(client) == 413


@pytest.mark.parametrize("path", ["/", "/api/stream", "/live"])
def test_the_body_of_a_request_that_needs_none_is_refused_as_well(page, path):
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4097\r\n\r\n"
    with connection(page, head.encode()) as client:
        assert status(client) == 413


def test_without_the_limit_the_page_waits_for_the_whole_body(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MOST_BODY_BYTES", 1 << 40)
    with (
        served(tmp_path) as page,
        connection(page, HEAD, b"Content-Length: 300000000\r\n\r\n", 100_000 * b"x") as client,
    ):
        assert not is_closed(client, within=1)


def test_a_head_that_never_ends_is_refused(page):
    with connection(page, b"GET / HTTP/1.1\r\nX: ", 100_000 * b"x") as client:
        assert status(client) == 400


HALF_SENT = [
    b"",
    b"GET / HTT",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    HEAD + b"Content-Length: 100\r\n\r\n{",
    b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
]


@pytest.mark.parametrize("sent", HALF_SENT)
def test_a_half_sent_request_is_dropped(tmp_path, monkeypatch, sent):
    monkeypatch.setattr(limits, "WHOLE_REQUEST_S", 0.2)
    with served(tmp_path) as page, connection(page, sent) as client:
        assert is_closed(client)


def test_the_second_request_of_a_connection_is_dropped_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "WHOLE_REQUEST_S", 0.2)
    with served(tmp_path) as page:
        client = http.client.HTTPConnection("127.0.0.1", page.port, timeout=30)
        with contextlib.closing(client):
            client.request("GET", "/live")
            assert client.getresponse().read()
            client.sock.sendall(b"GET /li")
            assert is_closed(client.sock, within=3)


@pytest.mark.parametrize("sent", HALF_SENT)
def test_without_the_time_limit_a_half_sent_request_stays(tmp_path, monkeypatch, sent):
    monkeypatch.setattr(limits, "WHOLE_REQUEST_S", NEVER)
    with served(tmp_path) as page, connection(page, sent) as client:
        assert not is_closed(client, within=0.5)


@pytest.mark.parametrize("most", [3, 1 << 30])
def test_connections_beyond_the_cap_are_dropped(tmp_path, monkeypatch, most):
    monkeypatch.setattr(limits, "MOST_CONNECTIONS", most)
    with served(tmp_path) as page, contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connection(page))
        further = stack.enter_context(connection(page))
        assert is_closed(further, within=1 if most > 3 else 30) == (most == 3)


TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
WILD = st.one_of(
    *(TEXT, st.integers().map(str), st.floats().map(str), st.binary(max_size=20)),
    st.sampled_from(["", "0", "-1", "9223372036854775000", "253402300799999", "1e3", "\0", "[]"]),
)


def quoted(wild):
    octets = wild if isinstance(wild, bytes) else wild.encode("utf-8", "surrogatepass")
    return "".join(f"%{octet:02X}" for octet in octets)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(begin="9223372036854775000", until="9223372036854775001", patient="a")
@example(begin="0", until="1", patient="\0")
@given(begin=WILD, until=WILD, patient=WILD)
def test_no_query_makes_an_error_of_the_page(page, session, begin, until, patient):
    path = f"/api/patient/{quoted(patient)}?from={quoted(begin)}&until={quoted(until)}"
    # 503: no database answers here
    assert page.status(path, session) in {307, 400, 404, 503}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(wild="\0")
@example(wild=b"\xff")
@example(wild="../../etc/passwd")
@given(wild=WILD)
@pytest.mark.parametrize(
    "place",
    ["/static/{}", "/vendor/{}", "/{}", "/?{}", "/api/{}", "/api/ward?{}", "/api/quarantine?x={}"],
)
def test_no_path_makes_an_error_of_the_page(page, session, place, wild):
    assert page.status(place.format(quoted(wild)), session) in {200, 307, 400, 404, 405}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(body=b'{"secret": "\\ud800"}')
@example(body=2_000 * b"[")
@example(body=b'{"secret": "\xff"}')
@given(body=st.binary(max_size=200))
def test_no_body_makes_an_error_of_the_page(page, body):
    client = http.client.HTTPConnection("127.0.0.1", page.port, timeout=30)
    with contextlib.closing(client):
        client.request("POST", "/api/login", body, {"Content-Type": "application/json"})
        assert client.getresponse().status in {400, 401, 429}


def test_a_refused_query_gets_a_sentence_that_does_not_repeat_it(page, session):
    path = "/api/patient/a?from=9223372036854775000&until=secret"
    found = loopback.get(page.port, path, session)
    assert found[0] == 400
    assert b"from" in found[1]
    assert b"secret" not in found[1]


def test_every_answer_has_the_security_headers(page):
    for request in (b"GET / HTTP/1.1\r\nHost: localhost", b"GET / HTTP/1.1\r\nHost: evil.example"):
        with connection(page, request + b"\r\nConnection: close\r\n\r\n") as client:
            answer = client.makefile("rb").read().lower()
            assert b"\r\ncontent-security-policy: default-src 'self'" in answer
            assert b"\r\nx-content-type-options: nosniff" in answer
