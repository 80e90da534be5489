"""Who may connect to the database how, and what each account may do there."""

from contextlib import contextmanager
from itertools import product

import mysql.connector
import pytest

from common.errors import UnavailableError, VitalsError
from db.connection import connect
from db.schema.accounts import Role, create_accounts, grant_tables
from db.schema.migrate import migrate
from ops.credentials.authority import ensure_authority
from ops.credentials.x509 import Identity
from ops.stack import prepare_database
from ops.storm.rogue import RogueDatabase

READ, ADD, CHANGE, REMOVE = "SELECT", "INSERT", "UPDATE", "DELETE"
# written by hand: what a part needs, and nothing else
MAY = {
    Role.CONSUMER: {
        "migracao": {READ},
        "paciente": {READ},
        "sensor": {READ},
        "paciente_sensor": {READ},
        "decisao": {READ},
        "registro": {READ, ADD, CHANGE, REMOVE},
        "quarentena": {READ, ADD, CHANGE, REMOVE},
        "progresso": {READ, ADD, CHANGE},
        "livro_razao": {READ, ADD},
        "lote": {READ, ADD},
        "registro_correcao": {READ, ADD},
        "topico": {READ, ADD},
    },
    Role.CADENCE: {
        "lacuna": {READ, ADD, CHANGE, REMOVE},
        "janela_repetida": {READ, ADD, CHANGE},
        "acesso": {ADD},
    },
}
# clinical records, and who looked at a patient: for the migrator alone
CLOSED = {
    *("medico", "doencas", "doenca_paciente", "diagnostico", "cirurgia", "medico_paciente"),
    *("prontuario", "acesso"),
}
# nobody but an administrator, whatever the role
FOREIGN = [
    "SELECT COUNT(*) FROM mysql.user",
    "CREATE DATABASE strangers",
    "CREATE USER 'stranger'@'%'",
    "CREATE TABLE test.strangers (a INT)",
    "SET GLOBAL require_secure_transport = ON",
    "SHUTDOWN",
    "SELECT LOAD_FILE('/etc/passwd') INTO OUTFILE 'stranger'",
]
REFUSED = {1044, 1045, 1142, 1227, 1290, 1370, 1410}


@pytest.fixture(scope="module")
def server(source, tmp_path_factory):
    """As `vitals up` prepares it."""
    server = prepare_database(tmp_path_factory.mktemp("database"), source)
    server.start()
    server.wait_ready()
    with (
        connect(server.admin_settings(), database=False) as administrator,
        connect(server.settings(Role.MIGRATOR), database=False) as migrator,
    ):
        migrate(migrator, "health_data")
        grant_tables(administrator, "health_data")
    yield server
    server.stop()


@contextmanager
def changed(server, protect, expose):
    """Runs statements as the administrator before the block, and others after it."""
    with connect(server.admin_settings(), database=False) as administrator:
        cursor = administrator.cursor()
        for statement in expose:
            cursor.execute(statement)
        try:
            yield
        finally:
            for statement in protect:
                cursor.execute(statement)


def in_plaintext(server):
    """Whether a client of another kind gets in without TLS, with the right password."""
    settings = server.settings(Role.READER)
    try:
        mysql.connector.connect(
            host=settings.db_host,
            port=settings.db_port,
            user=settings.db_user,
            password=settings.db_password.get_secret_value(),
            ssl_disabled=True,
            use_pure=True,
        ).close()
    except mysql.connector.Error:
        return False
    return True


def test_a_connection_without_tls_is_refused_by_the_server_and_by_the_account(server):
    account = "ALTER USER 'vitals_reader'@'%' REQUIRE"
    transport = "SET GLOBAL require_secure_transport ="
    with changed(server, [f"{account} SSL", f"{transport} ON"], [f"{transport} OFF"]):
        assert not in_plaintext(server)
    with changed(server, [f"{account} SSL"], [f"{account} NONE"]):
        assert not in_plaintext(server)
    exposed = [f"{account} NONE", f"{transport} OFF"]
    with changed(server, [f"{account} SSL", f"{transport} ON"], exposed):
        assert in_plaintext(server)


def test_a_server_of_another_authority_is_not_taken(server, tmp_path):
    ensure_authority(tmp_path)
    settings = server.settings(Role.READER)
    other = settings.model_copy(update={"db_ssl_ca": tmp_path / "ca.pem"})
    with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED") as refused:
        connect(other)
    assert "DB_SSL_CA" in refused.value.hint
    system = settings.model_copy(update={"db_ssl_ca": None})
    with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        connect(system)
    connect(other.model_copy(update={"db_ssl_verify": False})).close()


def test_a_server_of_another_name_is_not_taken(server):
    """Whoever has any certificate of the authority could answer for the database."""
    settings = server.settings(Role.READER)
    secrets = settings.db_ssl_ca.parent
    authority = Identity.read((secrets / "ca.key").read_bytes(), (secrets / "ca.pem").read_bytes())
    rogue = RogueDatabase(identity=authority.issue(["elsewhere"]))
    with rogue.serve() as port:
        there = settings.model_copy(update={"db_port": port})
        with pytest.raises(UnavailableError, match="address mismatch"):
            connect(there)
        assert rogue.heard == []
        with pytest.raises(VitalsError):
            connect(there.model_copy(update={"db_ssl_verify": False}))
    assert settings.db_password.get_secret_value().encode() in b"".join(rogue.heard)


@pytest.mark.parametrize("role", list(MAY))
def test_an_account_may_do_its_parts_work_and_nothing_else(server, role):
    with (
        connect(server.settings(role)) as account,
        connect(server.admin_settings()) as administrator,
    ):
        for table, verb in product(tables(administrator), (READ, ADD, CHANGE, REMOVE)):
            statement = harmless(administrator, table, verb)
            assert is_allowed(administrator, statement), statement
            assert is_allowed(account, statement) == (verb in MAY[role].get(table, ())), statement
        for table in tables(administrator):
            for statement in (f"ALTER TABLE {table} COMMENT ''", f"TRUNCATE TABLE {table}"):
                assert not is_allowed(account, statement), statement


def test_the_reader_reads_the_pipelines_tables_and_changes_none(server):
    with (
        connect(server.settings(Role.READER)) as reader,
        connect(server.admin_settings()) as administrator,
    ):
        for table, verb in product(tables(administrator), (READ, ADD, CHANGE, REMOVE)):
            statement = harmless(administrator, table, verb)
            may = verb == READ and table not in CLOSED
            assert is_allowed(reader, statement) == may, statement


@pytest.mark.parametrize("role", list(Role))
def test_no_account_reaches_beyond_its_database(server, role):
    with connect(server.settings(role)) as account:
        assert [statement for statement in FOREIGN if is_allowed(account, statement)] == []


def test_a_start_drops_the_account_of_earlier_versions_and_its_password(server):
    with connect(server.admin_settings()) as administrator:
        administrator.cursor().execute("CREATE USER 'vitals'@'127.0.0.1' IDENTIFIED BY 'known'")
    earlier = server.folder / "secrets" / "vitals"
    earlier.write_text("known")
    server.stop()
    server.start()
    server.wait_ready()
    assert not earlier.exists()
    with connect(server.admin_settings()) as administrator:
        cursor = administrator.cursor()
        cursor.execute("SELECT COUNT(*) FROM mysql.user WHERE User IN ('vitals', '')")
        assert cursor.fetchall() == [(0,)]


def tables(administrator):
    cursor = administrator.cursor()
    cursor.execute("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")
    return [name for name, _ in cursor.fetchall()]


def harmless(administrator, table, verb):
    """A statement that needs this right on the table, and changes nothing."""
    cursor = administrator.cursor()
    cursor.execute(f"SHOW COLUMNS FROM {table}")
    columns = [row[0] for row in cursor.fetchall() if "GENERATED" not in row[5].upper()]
    names, ones, column = ", ".join(columns), ", ".join("1" for _ in columns), columns[0]
    return {
        READ: f"SELECT 1 FROM {table} WHERE FALSE",
        ADD: f"INSERT INTO {table} ({names}) SELECT {ones} FROM DUAL WHERE FALSE",
        CHANGE: f"UPDATE {table} SET {column} = 1 WHERE FALSE",
        REMOVE: f"DELETE FROM {table} WHERE FALSE",
    }[verb]


def is_allowed(connection, statement):
    cursor = connection.cursor()
    try:
        cursor.execute(statement)
        if cursor.description:
            cursor.fetchall()
    except mysql.connector.Error as error:
        if error.errno not in REFUSED:
            raise
        return False
    finally:
        connection.rollback()
    return True


def test_setup_closes_an_account_of_an_earlier_version_to_plaintext(server):
    administrator, reader = server.admin_settings(), server.settings(Role.READER)
    passwords = {Role.READER: reader.db_password.get_secret_value()}
    with connect(administrator) as connection:
        cursor = connection.cursor()

        def needs():
            cursor.execute("SELECT ssl_type FROM mysql.user WHERE User = 'vitals_reader'")
            [(found,)] = cursor.fetchall()
            return found if isinstance(found, str) else found.decode()

        cursor.execute("ALTER USER 'vitals_reader'@'%' REQUIRE NONE")
        assert needs() == ""
        create_accounts(connection, "health_data", passwords)
        assert needs() == "ANY"
