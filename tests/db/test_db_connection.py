import signal
import socket
import threading

import mysql.connector
import pytest
from pydantic import SecretStr

from common.errors import ConfigurationError, UnavailableError
from consumer.handover import IDLE_SECONDS
from consumer.worker import connection as worker_connection
from db.connection import KeptConnection, connect, transaction
from db.faults import FaultKind, kind_of, reported
from db.named_lock import named_lock
from tests.killed_sessions import kill_session
from tests.waiting import wait_until


@pytest.fixture
def closed_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


def test_a_session_is_strict_in_utc_and_reads_what_is_committed(connection, query):
    rows = query(
        connection,
        "SELECT @@session.time_zone, @@session.transaction_isolation, @@session.autocommit,"
        " @@session.collation_connection, @@session.sql_mode",
    )
    *others, sql_mode = rows[0]
    assert others == ["+00:00", "READ-COMMITTED", 0, "utf8mb4_unicode_520_ci"]
    assert {"STRICT_TRANS_TABLES", "NO_ZERO_DATE", "NO_ZERO_IN_DATE"} <= set(sql_mode.split(","))


def test_no_statement_waits_for_the_acknowledgement_of_a_packet(connection):
    """The driver leaves Nagle's algorithm on: each LOAD DATA LOCAL took 40 ms longer."""
    assert connection._socket.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_interrupted_statement_is_not_waited_for(migrated, settings):
    """SIGTERM to `vitals up` while it makes its tables: what is left open must not keep it alive."""
    main = threading.main_thread().ident
    # pytest's workers ignore it
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)

    with connect(settings) as other:
        cursor = other.cursor()

        def running():
            cursor.execute(
                "SELECT COUNT(*) FROM information_schema.processlist WHERE info = 'SELECT SLEEP(20)'"
            )
            return cursor.fetchone()[0]

        def interrupt():
            wait_until(running, seconds=15)
            signal.pthread_kill(main, signal.SIGINT)

        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        with (
            pytest.raises(KeyboardInterrupt),
            named_lock(migrated, "test"),
            transaction(migrated),
        ):
            migrated.cursor().execute("SELECT SLEEP(20)")
        interrupting.join()
        signal.signal(signal.SIGINT, ignored)
        assert running() == 1
    assert not migrated.is_connected()


def test_a_server_that_forgot_its_passwords_still_takes_the_right_one(settings, connection):
    """MySQL calls a correct password wrong if it arrives without TLS and is not cached."""
    connection.cursor().execute("FLUSH PRIVILEGES")
    with connect(settings, database=False) as fresh:
        assert fresh.is_connected()


def test_a_wrong_password_names_the_settings(settings):
    wrong = settings.model_copy(update={"db_password": SecretStr("no-such-password")})
    with pytest.raises(ConfigurationError, match=f"refuses user {settings.db_user}") as caught:
        connect(wrong, database=False)
    assert "DB_USER, DB_PASSWORD" in caught.value.hint
    assert "no-such-password" not in str(caught.value)


def test_a_missing_database_names_the_command_that_makes_it(settings):
    with pytest.raises(ConfigurationError, match=f"no database {settings.db_name}") as caught:
        connect(settings)
    assert "python -m db migrate" in caught.value.hint


def test_nobody_listening_names_the_address_and_the_settings(settings, closed_port):
    away = settings.model_copy(update={"db_host": "127.0.0.1", "db_port": closed_port})
    with pytest.raises(UnavailableError, match=f"127.0.0.1:{closed_port}") as caught:
        connect(away)
    assert "DB_HOST and DB_PORT" in caught.value.hint


def test_an_unknown_host_is_reported_the_same_way(settings):
    with pytest.raises(UnavailableError, match=r"no-such-host\.invalid"):
        connect(settings.model_copy(update={"db_host": "no-such-host.invalid"}))


def test_a_server_that_never_answers_is_given_up(settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = settings.model_copy(
            update={
                "db_host": "127.0.0.1",
                "db_port": silent.getsockname()[1],
                "db_connect_timeout_seconds": 1,
            }
        )
        with pytest.raises(UnavailableError, match="cannot reach"):
            connect(mute)


def test_the_server_gets_files_of_the_named_folder_only(settings, migrated, tmp_path):
    allowed, private = tmp_path / "allowed", tmp_path / "private"
    for folder in (allowed, private):
        folder.mkdir()
        (folder / "rows.csv").write_text("1,somebody\n")
    statement = "LOAD DATA LOCAL INFILE '{}' INTO TABLE doencas FIELDS TERMINATED BY ',' (id, nome)"
    with connect(settings, local_infile_folder=allowed) as connection:
        cursor = connection.cursor()
        cursor.execute(statement.format((allowed / "rows.csv").as_posix()))
        assert cursor.rowcount == 1
        with pytest.raises(mysql.connector.Error):
            cursor.execute(statement.format((private / "rows.csv").as_posix()))
    with connect(settings) as connection, pytest.raises(mysql.connector.Error):
        connection.cursor().execute(statement.format((allowed / "rows.csv").as_posix()))


def test_a_transaction_that_raises_leaves_nothing(migrated, query):
    def insert_twice():
        with transaction(migrated):
            migrated.cursor().execute("INSERT INTO doencas (id, nome) VALUES (1, 'x')")
            migrated.cursor().execute("INSERT INTO doencas (id, nome) VALUES (1, 'y')")

    with pytest.raises(mysql.connector.IntegrityError):
        insert_twice()
    assert query(migrated, "SELECT COUNT(*) FROM doencas") == [(0,)]


def test_a_killed_connection_is_transient(settings, migrated):
    with connect(settings) as victim:
        cursor = victim.cursor()
        cursor.execute("SELECT CONNECTION_ID()")
        (victim_id,) = cursor.fetchone()
        kill_session(migrated, victim_id)
        with pytest.raises(mysql.connector.Error) as caught:
            cursor.execute("SELECT 1")
        with pytest.raises(UnavailableError), reported("ask again"):
            cursor.execute("SELECT 1")
    assert kind_of(caught.value) is FaultKind.TRANSIENT


def test_a_connection_killed_in_the_middle_of_a_query_is_transient(settings, migrated):
    with connect(settings) as victim:
        cursor = victim.cursor()
        cursor.execute("SELECT CONNECTION_ID()")
        (victim_id,) = cursor.fetchone()
        killer = threading.Timer(0.3, kill_session, (migrated, victim_id))
        killer.start()
        with pytest.raises(mysql.connector.Error) as caught:
            cursor.execute("DO SLEEP(10)")
        killer.join()
    assert kind_of(caught.value) is FaultKind.TRANSIENT


def test_waiting_too_long_for_a_row_is_transient(settings, migrated):
    cursor = migrated.cursor()
    cursor.execute("INSERT INTO progresso VALUES ('t', 0, 0)")
    migrated.commit()
    cursor.execute("SELECT * FROM progresso FOR UPDATE")
    cursor.fetchall()
    with connect(settings) as waiting:
        second = waiting.cursor()
        second.execute("SET innodb_lock_wait_timeout = 1")
        second.execute("SELECT * FROM progresso FOR UPDATE")
        with pytest.raises(mysql.connector.Error) as caught:  # comes where the first row would
            second.fetchall()
    assert caught.value.errno == 1205
    assert kind_of(caught.value) is FaultKind.TRANSIENT


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT * FROM no_such_table", FaultKind.CONFIGURATION),
        ("SELECT no_such_column FROM paciente", FaultKind.CONFIGURATION),
        ("INSERT INTO registro VALUES (1, 'valor', '2020-01-01', 1)", FaultKind.DATA),
        ("INSERT INTO progresso VALUES ('t', 0, 'many')", FaultKind.DATA),
        ("SELEKT", FaultKind.DATA),
    ],
)
def test_what_never_works_is_no_transient_fault(migrated, statement, kind):
    with pytest.raises(mysql.connector.Error) as caught:
        migrated.cursor().execute(statement)
    assert kind_of(caught.value) is kind


def test_a_session_of_a_lost_machine_keeps_its_lock_for_seconds_only(settings, connection, query):
    """The server ends the silent session, and its transaction with it."""
    named = settings.model_copy(update={"db_name": "mysql"})
    kept = KeptConnection(named, idle_seconds=1)
    assert query(kept.get(), "SELECT GET_LOCK('a row', 0)") == [(1,)]
    assert query(connection, "SELECT GET_LOCK('a row', 30)") == [(1,)]
    # and if it was only slow, it connects again
    assert query(kept.get(), "SELECT @@session.wait_timeout") == [(1,)]
    kept.close()


def test_the_writing_sessions_of_the_consumer_end_a_minute_after_their_machine(settings, query):
    """The server's own limit is eight hours, in which nobody else could write the partition."""
    named = settings.model_copy(update={"db_name": "mysql"})
    with worker_connection.use(named) as session:
        assert query(session, "SELECT @@session.wait_timeout") == [(IDLE_SECONDS,)]
    worker_connection._kept.pop().close()
