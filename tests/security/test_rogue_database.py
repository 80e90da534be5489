"""A server in the place of the database learns nothing, and can turn nobody away for good."""

import pytest

from common.errors import UnavailableError
from db.connection import connect
from ops.storm.rogue import RogueDatabase

ROGUES = [{}, {"offers_tls": False}, {"refuses_first": True}]


@pytest.mark.parametrize("kind", ROGUES)
def test_a_rogue_database_gets_no_word_and_is_no_reason_to_give_up(kind, database_server):
    settings, rogue = database_server.admin_settings(), RogueDatabase(**kind)
    with rogue.serve() as port, pytest.raises(UnavailableError):
        connect(settings.model_copy(update={"db_port": port}))
    assert rogue.visitors == 1
    assert rogue.heard == []


def test_without_verification_it_gets_the_password(database_server):
    settings, rogue = database_server.admin_settings(), RogueDatabase()
    unsafe = {"db_ssl_verify": False}
    with rogue.serve() as port, pytest.raises(UnavailableError):
        connect(settings.model_copy(update={"db_port": port, **unsafe}))
    password = settings.db_password.get_secret_value().encode()
    assert password in b"".join(rogue.heard)


def test_tls_is_not_dropped_even_without_verification(database_server):
    settings, rogue = database_server.admin_settings(), RogueDatabase(offers_tls=False)
    unsafe = {"db_ssl_verify": False}
    with rogue.serve() as port, pytest.raises(UnavailableError):
        connect(settings.model_copy(update={"db_port": port, **unsafe}))
    assert rogue.heard == []


def test_in_plaintext_it_learns_who_connects(database_server):
    settings, rogue = database_server.admin_settings(), RogueDatabase(offers_tls=False)
    with rogue.serve() as port, pytest.raises(UnavailableError):
        connect(settings.model_copy(update={"db_port": port, "db_ssl": False}))
    assert settings.db_user.encode() in b"".join(rogue.heard)
