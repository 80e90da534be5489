"""Sessions at UTC-3, and a server at America/Sao_Paulo: every time and every order is as in UTC."""

from datetime import UTC, datetime, timedelta

import pytest

from consumer.driver.mapping import MappingWatch
from db.connection import connect
from db.ledger import RangeCounts, record_range
from db.mapping_changes import mapping_version
from db.read.feed import first_since
from db.read.status import LedgerReader
from db.schema.migrate import migrate
from db.schema.patients import register
from ops.stack import prepare_database

OFFSET, SERVERS_OWN = "-03:00", "SYSTEM"
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def sao_paulo(source, tmp_path_factory):
    """A server on a machine of that zone."""
    with pytest.MonkeyPatch.context() as machine:
        machine.setenv("TZ", "America/Sao_Paulo")
        server = prepare_database(tmp_path_factory.mktemp("abroad"), source)
        server.start()
    server.wait_ready()
    yield server.admin_settings()
    server.stop()


@pytest.fixture(params=[OFFSET, SERVERS_OWN])
def zone(request):
    return request.param


@pytest.fixture
def server_settings(request, zone):
    name = "sao_paulo" if zone == SERVERS_OWN else "any_server_settings"
    return request.getfixturevalue(name)


@pytest.fixture
def abroad(server_settings, settings, zone):
    """A database made on a server with that zone; other sessions have their own, so it harms none."""
    with connect(server_settings, database=False) as administrator:
        cursor = administrator.cursor()
        cursor.execute("SELECT @@global.time_zone")
        (before,) = cursor.fetchone()
        cursor.execute("SET GLOBAL time_zone = %s", (zone,))
        cursor.execute("SET time_zone = @@global.time_zone")
        cursor.execute("SELECT TIMESTAMPDIFF(HOUR, UTC_TIMESTAMP(), CURRENT_TIMESTAMP())")
        assert cursor.fetchone() == (-3,)
        try:
            with connect(settings, database=False) as connection:
                migrate(connection, settings.db_name)
                yield connection
        finally:
            cursor.execute("SET GLOBAL time_zone = %s", (before,))


def near_now(moment):
    return abs(moment - datetime.now(UTC).replace(tzinfo=None)) < MINUTE


def test_what_we_write_and_ask_is_utc_on_a_server_abroad(abroad, query):
    """The ledger's time decides what is new for the page and the rates."""
    counts = RangeCounts(1, 0, 0, 20, 20, 0, {})
    record_range(abroad, "t", 0, range(1), counts, [])
    abroad.commit()
    register(abroad, {("p1", "glicose"): 0})
    [(applied, committed, changed)] = query(
        abroad,
        "SELECT (SELECT MIN(aplicada_em) FROM migracao), confirmado_em, alterado_em"
        " FROM livro_razao, paciente_sensor",
    )
    assert near_now(applied)
    assert near_now(committed)
    assert near_now(changed)
    assert first_since(abroad, "t", 60) == {0: 0}
    totals = LedgerReader("t").read(abroad)
    assert (totals.readings_per_second, totals.last_commit) == (1.0, committed.replace(tzinfo=UTC))


def test_a_mapping_that_an_ordinary_session_of_that_server_ends_is_ended(abroad, settings):
    """Its CURRENT_TIMESTAMP is local time, three hours before the marks of our sessions."""
    register(abroad, {("p1", "glicose"): 0, ("p2", "glicose"): 0})
    watch, before = MappingWatch(settings), mapping_version(abroad)
    abroad.rollback()
    watch.current()
    with connect(settings) as person:
        cursor = person.cursor()
        cursor.execute("SET time_zone = @@global.time_zone")
        cursor.execute("UPDATE paciente_sensor SET ativo_ate = '2026-02-01' WHERE paciente_id = 1")
        person.commit()
    assert mapping_version(abroad).newest_change > before.newest_change
    assert "p1" in watch.current().changes[-1].patient_ids
