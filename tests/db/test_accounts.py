"""Each account may do its part's work, and nothing else."""

import uuid
from decimal import Decimal

import mysql.connector
import pyarrow as pa
import pytest
from pydantic import SecretStr

from common.times import DAY_MS
from db import batches, ledger
from db.connection import connect
from db.ledger import RangeCounts
from db.mapping import read_mappings
from db.mapping_changes import mapping_version
from db.mend.cadence import Gap, GapCause, RepeatedWindow, record_repeated, settle_gaps
from db.moments import moment_of
from db.read.looks import looks
from db.schema.accounts import MIGRATOR_ALONE, Role, create_accounts, grant_tables
from db.schema.migrate import migrate, require_current_schema
from db.schema.seed import seed
from db.sessions import other_sessions
from db.write import quarantine, registro
from db.write.bulk import LoadMethod, infile_folder
from db.write.looks import prune_looks, record_look
from db.write.unmapped import enter_mapped

LOOK = "(quando, quem, paciente, origem) VALUES (NOW(3), 'a', 'p', 'x')"
REFUSED = {1044, 1142, 1143, 1227}


@pytest.fixture
def accounts(settings, server_settings):
    """Settings by role, on a database of the test's own that the migrator has made."""
    tag = uuid.uuid4().hex[:8]
    named = {role: f"{role}_{tag}" for role in Role}
    passwords = {role: uuid.uuid4().hex + "'" for role in Role}
    given = {
        role: settings.model_copy(
            update={"db_user": named[role], "db_password": SecretStr(passwords[role])}
        )
        for role in Role
    }
    with connect(server_settings, database=False) as administrator:
        create_accounts(administrator, settings.db_name, passwords, named=named)
        with connect(given[Role.MIGRATOR], database=False) as migrator:
            migrate(migrator, settings.db_name)
            grant_tables(administrator, settings.db_name, named=named)
            seed(migrator, 2, 7)
        # again, as at every start of the stack
        create_accounts(administrator, settings.db_name, passwords, named=named)
        grant_tables(administrator, settings.db_name, named=named)
        yield given
        for name in named.values():
            administrator.cursor().execute(f"DROP USER '{name}'@'%'")


@pytest.mark.parametrize("method", [LoadMethod.INFILE, LoadMethod.INSERT])
def test_the_consumer_may_do_all_that_its_statements_do(accounts, method):
    """A whole range, and the same keys once more: rows are replaced."""
    consumer = accounts[Role.CONSUMER]
    with connect(consumer, local_infile_folder=infile_folder()) as connection:
        require_current_schema(connection)
        mapping = next(iter(list(read_mappings(connection))))
        assert mapping_version(connection)
        for first, value in ((0, 98.5), (1, 99.5)):
            assert ledger.lock_next_offset(connection, "t", 0) == first
            assert ledger.try_lock_next_offset(connection, "t", 0) == first
            assert other_sessions(connection) == []
            assert batches.taken_batches(connection, ["a"]) == ({"a"} if first else set())
            registro.upsert(connection, accepted(mapping.mapping_id, value), method)
            loaded = registro.upsert(connection, accepted(mapping.mapping_id, 1e9), method)
            assert len(loaded.refused) == 1
            quarantine.insert(connection, rejected(), method)
            if not first:
                batches.record_batches(connection, "t", 0, {"a": 0})
            counts = RangeCounts(1, 0, 0, 2, 1, 0, {"missing": 1})
            ledger.record_range(connection, "t", 0, range(first, first + 1), counts, ["f"])
            connection.commit()
        assert enter_mapped(connection, limit=1) == 0
        cursor = connection.cursor()
        cursor.execute("SELECT * FROM quarentena FOR UPDATE")
        cursor.fetchall()
        cursor.execute("UPDATE quarentena SET estado = 'resolvida'")
        connection.commit()
        assert ledger.committed_files(connection, "t", 0, 0) == {"f"}
    with connect(accounts[Role.READER]) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT valor FROM registro")
        assert cursor.fetchall() == [(Decimal("99.500"),)]
        cursor.execute("SELECT COUNT(*) FROM quarentena")
        assert cursor.fetchall() == [(1,)]


def test_cadence_writes_down_what_is_missing(accounts):
    with connect(accounts[Role.CADENCE]) as connection:
        missing = Gap(1, 1_790_000_000_000, 10_000, 10, 0, GapCause.SENSOR)
        for _ in range(2):
            settle_gaps(connection, [missing], [])
        settle_gaps(connection, [], [(1, 1_790_000_000_000)])
        window = RepeatedWindow("t", 0, 7, "b" * 36, "two", "one", 1_790_000_000_000)
        for _ in range(2):
            record_repeated(connection, [window])
    with connect(accounts[Role.READER]) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT (SELECT COUNT(*) FROM lacuna), COUNT(*) FROM janela_repetida")
        assert cursor.fetchall() == [(0, 1)]


def accepted(mapping_id, value):
    return pa.table(
        {
            "mapping_id": pa.array([mapping_id], pa.int32()),
            "component": ["valor"],
            "event_ms": pa.chunked_array([pa.array([1_790_000_000_000], pa.int64())]),
            "value": [value],
        }
    )


def rejected():
    texts = ("detail", "batch_id", "patient_id", "sensor", "component", "unit", "headers")
    moments = {
        name: pa.chunked_array([pa.array([0], pa.int64())]) for name in ("event_ms", "kafka_ms")
    }
    return pa.table(
        {
            "topic": ["t"],
            **{name: [0] for name in ("partition", "offset", "series", "position")},
            "reason": ["missing"],
            **{name: pa.chunked_array([pa.nulls(1, pa.string())]) for name in texts},
            "value": [float("nan")],
            **moments,
            **{name: pa.chunked_array([pa.nulls(1, pa.binary())]) for name in ("key", "body")},
        }
    )


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (Role.READER, "INSERT INTO progresso VALUES ('t', 0, 0)"),
        (Role.READER, "DELETE FROM registro"),
        (Role.READER, "SELECT quem FROM acesso"),
        (Role.READER, f"INSERT INTO acesso {LOOK}"),
        (Role.READER, "SELECT anotacao FROM prontuario"),
        (Role.READER, "SELECT * FROM diagnostico"),
        (Role.CONSUMER, "SELECT quem FROM acesso"),
        (Role.CONSUMER, f"INSERT INTO acesso {LOOK}"),
        (Role.CADENCE, "SELECT quem FROM acesso"),
        (Role.CADENCE, "UPDATE acesso SET quem = 'somebody else'"),
        (Role.CADENCE, "DELETE FROM acesso"),
        (Role.CADENCE, "TRUNCATE TABLE acesso"),
        (Role.CADENCE, f"REPLACE INTO acesso {LOOK}"),
        (Role.READER, "CREATE TABLE t (a INT)"),
        (Role.READER, "SELECT user FROM mysql.user"),
        (Role.CONSUMER, "SELECT nome FROM medico"),
        (Role.CONSUMER, "UPDATE paciente SET nome = 'x'"),
        (Role.CONSUMER, "INSERT INTO paciente_sensor VALUES (NULL, 1, 1, NOW(), NULL, NOW())"),
        (Role.CONSUMER, "DELETE FROM livro_razao"),
        (Role.CONSUMER, "UPDATE livro_razao SET aceitas = 0"),
        (Role.CONSUMER, "DELETE FROM lote"),
        (Role.CONSUMER, "DELETE FROM progresso"),
        (Role.CONSUMER, "DROP TABLE registro"),
        (Role.CONSUMER, "ALTER TABLE registro ADD COLUMN x INT"),
        (Role.CONSUMER, "CREATE TABLE t (a INT)"),
        (Role.CONSUMER, "SELECT user FROM mysql.user"),
        (Role.CADENCE, "SELECT valor FROM registro"),
        (Role.CADENCE, "SELECT nome FROM paciente"),
        (Role.CADENCE, "DELETE FROM janela_repetida"),
        (Role.CADENCE, "DELETE FROM quarentena"),
        (Role.MIGRATOR, "SELECT user FROM mysql.user"),
        (Role.MIGRATOR, "CREATE DATABASE another"),
        (Role.MIGRATOR, "CREATE USER somebody IDENTIFIED BY 'x'"),
        (Role.MIGRATOR, "SET GLOBAL local_infile = OFF"),
    ],
)
def test_an_account_is_refused_what_is_not_its_business(accounts, role, statement):
    with connect(accounts[role]) as connection:
        cursor = connection.cursor()
        with pytest.raises(mysql.connector.Error) as error:
            cursor.execute(statement)
    assert error.value.errno in REFUSED, error.value


def test_the_page_adds_looks_that_only_the_migrator_reads_and_deletes(accounts):
    moments = [moment_of(DAY_MS * day + 7) for day in (1, 2, 3)]
    with connect(accounts[Role.CADENCE]) as connection:
        for moment in moments:
            record_look(connection, "ana", "p-1 ", "127.0.0.1", moment)
    with connect(accounts[Role.MIGRATOR]) as connection:
        found = [look.at for look in looks(connection, who="ana", patient_id="p-1 ", limit=9)]
        assert found == moments[::-1]
        assert list(looks(connection, patient_id="p-1", limit=9)) == []
        assert [look.at for look in looks(connection, since=moments[1], limit=1)] == moments[2:]
        connection.rollback()
        assert prune_looks(connection, moments[1]) == 1
        assert prune_looks(connection, moments[1]) == 0
        assert len(list(looks(connection, limit=9))) == 2


def test_every_table_is_read_by_the_reader_or_by_nobody_but_the_migrator(accounts):
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    seen = {}
    for role in (Role.READER, Role.MIGRATOR):
        with connect(accounts[role]) as connection:
            cursor = connection.cursor()
            cursor.execute(tables)
            seen[role] = {name for (name,) in cursor.fetchall()}
    assert seen[Role.MIGRATOR] - seen[Role.READER] == set(MIGRATOR_ALONE)


@pytest.mark.parametrize(
    ("role", "right", "table", "statement"),
    [
        (Role.READER, "SELECT", "*", "SELECT quem FROM acesso LIMIT 0"),
        (Role.CONSUMER, "DELETE", "livro_razao", "DELETE FROM livro_razao"),
        (Role.CADENCE, "SELECT", "acesso", "SELECT quem FROM acesso LIMIT 0"),
    ],
)
def test_a_right_of_earlier_versions_is_taken_away(
    accounts, server_settings, role, right, table, statement
):
    named = {role: account.db_user for role, account in accounts.items()}
    database = accounts[role].db_name
    with connect(server_settings, database=False) as administrator:
        schema = database.replace("_", r"\_") if table == "*" else database
        administrator.cursor().execute(
            f"GRANT {right} ON `{schema}`.{table} TO '{named[role]}'@'%'"
        )
        with connect(accounts[role]) as connection:
            connection.cursor().execute(statement)
        grant_tables(administrator, database, named=named)
    with connect(accounts[role]) as connection, pytest.raises(Exception, match="1142"):
        connection.cursor().execute(statement)


def test_an_account_does_not_see_a_database_whose_name_only_looks_alike(accounts, server_settings):
    """In a GRANT, `_` matches any character unless it is escaped."""
    name = accounts[Role.READER].db_name
    alike = name.replace("_", "x")
    with connect(server_settings, database=False) as administrator:
        cursor = administrator.cursor()
        cursor.execute(f"CREATE DATABASE {alike}")
        try:
            with pytest.raises(Exception, match="denied"):
                connect(accounts[Role.READER].model_copy(update={"db_name": alike}))
        finally:
            cursor.execute(f"DROP DATABASE {alike}")


def test_a_new_password_replaces_the_old_one(accounts, server_settings):
    reader = accounts[Role.READER]
    with connect(server_settings, database=False) as administrator:
        named = {role: account.db_user for role, account in accounts.items()}
        passwords = dict.fromkeys(Role, "another one")
        create_accounts(administrator, reader.db_name, passwords, named=named)
    with pytest.raises(Exception, match="1045"):
        connect(reader)
    connect(reader.model_copy(update={"db_password": SecretStr("another one")})).close()
