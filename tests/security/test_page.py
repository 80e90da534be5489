"""The page against people without a secret, and against those whose role does not allow it.

Each attack is refused; the same attack succeeds once the one protection is taken out of the page.
"""

import json
from types import SimpleNamespace

import pytest

from ops.monitor import access, sessions
from ops.monitor.sessions import Attempts, Sessions
from ops.people.register import PageRole, People
from tests import loopback
from tests.security.pages import connection, is_closed, served
from tests.signing_in import new_person, post, signed_in, try_to_sign_in

PATIENT = "/api/patient/a?from=0&until=1"
OF_ENGINEERS = ["/api/quarantine"]
DATA = ["/api/me", "/api/ward", "/api/stream", "/api/alarms", PATIENT, *OF_ENGINEERS]


@pytest.fixture
def page(tmp_path):
    with served(tmp_path) as served_page:
        yield served_page


@pytest.mark.parametrize("path", DATA)
@pytest.mark.parametrize(
    "headers", [{}, {"Cookie": "vitals-=x; vitals-0=x"}, {"Authorization": "Bearer x"}]
)
def test_no_data_without_a_session(page, path, headers):
    page.enter()
    assert page.status(path, headers) == 401


@pytest.mark.parametrize("path", ["/", "/live", "/static/js/main.js"])
def test_the_form_to_sign_in_is_open(page, path):
    assert page.status(path) == 200


def test_a_secret_in_the_address_opens_nothing(page):
    secret = new_person(page.people)
    assert page.status(f"/api/ward?token={secret}&secret={secret}") == 401
    assert loopback.get(page.port, f"/?token={secret}")[0] == 200
    assert page.status("/api/ward") == 401


def test_without_the_check_everybody_has_the_data(page, monkeypatch):
    monkeypatch.setattr(access.Access, "_refusal", lambda *_: None)
    assert page.status("/api/ward") == 200


def test_a_secret_opens_the_page_and_is_not_what_the_browser_keeps(page):
    secret = new_person(page.people)
    _, cookie = try_to_sign_in(page.port, secret)
    assert secret not in cookie
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}
    assert page.status("/api/ward", signed_in(page.port, secret)) == 200


def test_the_file_of_people_holds_no_secret_and_is_private(page):
    secret = new_person(page.people)
    assert secret not in page.people.read_text()
    assert page.people.stat().st_mode & 0o777 == 0o600


def test_a_session_of_another_stack_is_none_here(page, tmp_path):
    (tmp_path / "other").mkdir()
    with served(tmp_path / "other") as other:
        session = other.enter()
        assert other.status("/api/ward", session) == 200
        assert page.status("/api/ward", session) == 401
        key = session["Cookie"].partition("=")[2]
        page.enter()
        assert page.status("/api/ward", {"Cookie": f"{page.sessions.cookie}={key}"}) == 401
        with served(tmp_path / "other", sessions=other.sessions) as shared:
            assert shared.status("/api/ward", session) == 200


def test_two_stacks_of_a_host_do_not_take_each_others_cookie(page, tmp_path):
    with served(tmp_path) as other:
        names = {served_page.enter()["Cookie"].partition("=")[0] for served_page in (page, other)}
    assert len(names) == 2


@pytest.mark.parametrize("is_protected", [True, False])
def test_a_removed_person_is_out_at_once(page, monkeypatch, is_protected):
    session = page.enter(name="leaving")
    People(page.people).remove("leaving")
    new_person(page.people, name="leaving")
    if not is_protected:
        monkeypatch.setattr(Sessions, "is_open", lambda *_: True)
    assert page.status("/api/ward", session) == (401 if is_protected else 200)


def test_the_open_stream_of_a_removed_person_ends(page):
    session = page.enter(name="leaving")
    head = f"GET /api/stream HTTP/1.0\r\nHost: localhost\r\nCookie: {session['Cookie']}\r\n\r\n"
    with connection(page, head.encode()) as client, client.makefile("rb") as answer:
        assert b" 200 " in answer.readline()
        People(page.people).remove("leaving")
        answer.read()
        assert is_closed(client)


def test_who_signs_out_is_out_and_an_old_session_ends_with_a_new_one(page):
    secret = new_person(page.people)
    session = signed_in(page.port, secret)
    assert post(page.port, "/api/logout", session) == 204
    assert page.status("/api/ward", session) == 401


@pytest.mark.parametrize(("passed_s", "expected"), [(1_700, 200), (1_900, 401)])
def test_an_idle_session_ends(page, monkeypatch, passed_s, expected):
    now = SimpleNamespace(monotonic=lambda: now.at, at=1_000_000.0)
    monkeypatch.setattr(sessions, "time", now)
    session = page.enter()
    now.at += passed_s
    assert page.status("/api/ward", session) == expected


def test_no_session_lasts_longer_than_its_limit_however_much_it_is_used(page, monkeypatch):
    now = SimpleNamespace(monotonic=lambda: now.at, at=1_000_000.0)
    monkeypatch.setattr(sessions, "time", now)
    session = page.enter()
    while now.at < 1_000_000 + 43_200 - 1_000:
        now.at += 1_000
        assert page.status("/api/ward", session) == 200
    now.at += 1_000
    assert page.status("/api/ward", session) == 401


@pytest.mark.parametrize("is_protected", [True, False])
def test_secrets_are_not_found_by_trying(page, monkeypatch, is_protected):
    secret = new_person(page.people)
    if not is_protected:
        monkeypatch.setattr(Attempts, "may_try", lambda *_: True)
    tried = {try_to_sign_in(page.port, f"guess-{number}")[0] for number in range(30)}
    assert (429 in tried) == is_protected
    assert try_to_sign_in(page.port, secret)[0] == (429 if is_protected else 204)


def test_wrong_secrets_are_forgotten_after_a_minute(monkeypatch):
    now = SimpleNamespace(monotonic=lambda: now.at, at=1_000.0)
    monkeypatch.setattr(sessions, "time", now)
    attempts = Attempts(of_an_address=2, of_all=3)
    for address in ("a", "a", "b"):
        assert attempts.may_try(address)
        attempts.note_wrong(address)
    assert not attempts.may_try("a")
    assert not attempts.may_try("c")
    now.at += 61
    assert attempts.may_try("a")


@pytest.mark.parametrize("path", [*OF_ENGINEERS, "/api/quarantine/", "/api/anything-new"])
def test_a_viewer_is_refused_what_engineers_see(page, path):
    viewer = page.enter(PageRole.VIEWER, "viewer")
    assert page.status(path, viewer) == 403
    assert page.status("/api/ward", viewer) == 200
    assert page.status(path, page.enter()) != 403


def test_without_the_roles_a_viewer_sees_everything(page, monkeypatch):
    monkeypatch.setattr(access, "_PATIENTS", "/api/")
    assert page.status("/api/quarantine", page.enter(PageRole.VIEWER)) == 200


@pytest.mark.parametrize("is_protected", [True, False])
def test_another_sites_page_cannot_use_a_persons_session(page, monkeypatch, is_protected):
    """Another port of the same host is the same site: the browser sends the cookie along."""
    session = page.enter()
    if not is_protected:
        monkeypatch.setattr(access, "_OWN_SITE", {"same-site", "cross-site"})
    for site in ("same-site", "cross-site"):
        status = page.status("/api/ward", session | {"Sec-Fetch-Site": site})
        assert status == (403 if is_protected else 200)


@pytest.mark.parametrize("content", ["", "{", '{"people": [{"name": "x"}]}'])
def test_a_register_that_cannot_be_read_lets_nobody_in(page, content):
    secret = new_person(page.people)
    session = signed_in(page.port, secret)
    page.people.write_text(content)
    assert page.status("/api/ward", session) == 503
    assert try_to_sign_in(page.port, secret)[0] == 503


def test_a_person_is_shown_by_name_and_role(page):
    page.enter(PageRole.VIEWER, "viewer")
    session = page.enter(name="engineer")
    shown = json.loads(loopback.get(page.port, "/api/me", session)[1])
    assert shown == {"name": "engineer", "role": "engineer"}
