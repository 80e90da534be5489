"""No look at a patient without a row that the page itself can neither read nor change."""

import uuid
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from common.demo_patients import demo_patient_ids
from db.connection import connect
from db.read.looks import looks
from db.schema.accounts import Role, create_accounts, grant_tables
from db.schema.migrate import migrate
from db.schema.patients import register
from db.schema.seed import seed
from ops.monitor import app
from ops.monitor import looks as looks_module
from ops.monitor.looks import Looks
from ops.people.register import PageRole
from tests import loopback
from tests.security.pages import served

FIRST, SECOND = demo_patient_ids(2)


@pytest.fixture(scope="module")
def administrator(database_server):
    settings = database_server.admin_settings()
    return settings.model_copy(update={"db_name": f"test_{uuid.uuid4().hex[:12]}"})


@pytest.fixture(scope="module")
def accounts(administrator):
    """Settings by role, on a database with two patients."""
    tag = administrator.db_name.removeprefix("test_")
    named = {role: f"{role}_{tag}" for role in Role}
    passwords = {role: uuid.uuid4().hex for role in Role}
    given = {
        role: administrator.model_copy(
            update={"db_user": named[role], "db_password": SecretStr(passwords[role])}
        )
        for role in Role
    }
    with connect(administrator, database=False) as connection:
        migrate(connection, administrator.db_name)
        create_accounts(connection, administrator.db_name, passwords, named=named)
        grant_tables(connection, administrator.db_name, named=named)
        with connect(administrator) as seeding:
            seed(seeding, 2, 7)
        yield given
        connection.cursor().execute(f"DROP DATABASE {administrator.db_name}")
        for name in named.values():
            connection.cursor().execute(f"DROP USER '{name}'@'%'")


@pytest.fixture
def page(accounts, tmp_path):
    reader, writer = accounts[Role.READER], accounts[Role.CADENCE]
    with served(tmp_path, reader=reader, looks=writer) as served_page:
        yield served_page
    with connect(accounts[Role.MIGRATOR]) as connection:
        connection.cursor().execute("DELETE FROM acesso")
        connection.commit()


def look(page, session, patient=FIRST):
    status, body = loopback.get(page.port, f"/api/patient/{patient}?from=0&until=1000", session)
    return status, body.decode()


def rows(accounts):
    """The oldest first."""
    with connect(accounts[Role.MIGRATOR]) as connection:
        found = list(looks(connection, limit=100))
    return [(one.who, one.patient_id, one.address) for one in found[::-1]]


def test_each_look_leaves_who_and_whom_and_from_where(page, accounts):
    viewer, engineer = page.enter(PageRole.VIEWER, "viewer"), page.enter(name="engineer")
    assert page.status("/api/ward", viewer) == 200
    assert rows(accounts) == []
    status, body = look(page, viewer)
    assert status == 200
    assert FIRST in body
    for session, patient in ((viewer, SECOND), (engineer, FIRST)):
        assert look(page, session, patient)[0] == 200
    assert look(page, engineer, "nobody")[0] == 404
    assert rows(accounts) == [
        ("viewer", FIRST, "127.0.0.1"),
        ("viewer", SECOND, "127.0.0.1"),
        ("engineer", FIRST, "127.0.0.1"),
        ("engineer", "nobody", "127.0.0.1"),
    ]


@pytest.mark.parametrize("role", list(PageRole))
def test_a_patient_whose_id_has_a_slash_is_opened_like_any_other(page, accounts, role):
    """A record number of a year, say; the page sends it as one part of the path."""
    with connect(accounts[Role.MIGRATOR]) as connection:
        register(connection, {("123/2024", "glicose"): 0})
    status, body = look(page, page.enter(role), "123%2F2024")
    assert status == 200
    assert '"id":"123/2024"' in body
    assert look(page, {}, "123%2F2024")[0] == 401
    assert rows(accounts) == [("somebody", "123/2024", "127.0.0.1")]


def test_a_look_at_no_id_is_none(page, accounts):
    assert look(page, page.enter(), "")[0] == 404
    assert rows(accounts) == []


def test_an_open_page_that_asks_again_is_one_look_until_ten_minutes_have_passed(
    page, accounts, monkeypatch
):
    now = SimpleNamespace(monotonic=lambda: now.at, at=1_000.0)
    monkeypatch.setattr(looks_module, "time", now)
    session = page.enter()
    for passed_s in (0, 5, 590):
        now.at += passed_s
        assert look(page, session)[0] == 200
    assert len(rows(accounts)) == 1
    now.at += 10
    assert look(page, session)[0] == 200
    assert len(rows(accounts)) == 2


def test_who_may_not_look_leaves_no_row(page, accounts):
    assert look(page, {})[0] == 401
    assert rows(accounts) == []


@pytest.fixture
def without_the_right_to_write(accounts, administrator):
    writer = f"'{accounts[Role.CADENCE].db_user}'@'%'"
    with connect(administrator) as connection:
        connection.cursor().execute(f"REVOKE INSERT ON acesso FROM {writer}")
        yield
        connection.cursor().execute(f"GRANT INSERT ON acesso TO {writer}")


@pytest.mark.parametrize("is_protected", [True, False])
@pytest.mark.usefixtures("without_the_right_to_write")
def test_a_look_that_cannot_be_recorded_is_refused(page, accounts, monkeypatch, is_protected):
    if not is_protected:
        monkeypatch.setattr(Looks, "record", lambda *_: None)
    status, body = look(page, page.enter())
    assert status == (503 if is_protected else 200)
    assert (FIRST in body) != is_protected
    assert rows(accounts) == []


def test_a_look_is_refused_while_the_database_of_the_rows_is_away(accounts, tmp_path):
    away = accounts[Role.CADENCE].model_copy(update={"db_port": loopback.free_port()})
    with served(tmp_path, reader=accounts[Role.READER], looks=away) as page:
        status, body = look(page, page.enter())
    assert status == 503
    assert FIRST not in body


def test_an_answer_that_comes_too_late_is_not_taken_for_that_of_the_next_look(
    accounts, administrator, tmp_path, monkeypatch
):
    """The patient would be shown before the row is durable, or although it was refused."""
    monkeypatch.setattr(app, "_ANSWER_S", 1)
    reader, writer = accounts[Role.READER], accounts[Role.CADENCE]
    with served(tmp_path, reader=reader, looks=writer) as page, connect(administrator) as busy:
        session = page.enter()
        for _ in range(2):
            busy.cursor().execute("LOCK TABLES acesso WRITE")
            status, body = look(page, session)
            busy.cursor().execute("UNLOCK TABLES")
            assert status == 503
            assert FIRST not in body
        assert look(page, session)[0] == 200
