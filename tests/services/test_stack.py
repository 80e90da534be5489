"""The embedded broker and database, as real processes."""

import pytest
from pydantic import SecretStr

from common.broker.reader import messages_of
from common.broker.sender import Sender
from common.broker.topics import create_topic
from common.errors import UnavailableError
from db.connection import connect
from ops.stack import DatabaseServer, JarSource, KafkaBroker, prepare_database
from ops.stack.broker import reaching
from ops.stack.kafka_files import tool_options
from ops.stack.server import Server
from tests.nobody import plain_broker


@pytest.fixture
def own_broker(jars, tmp_path):
    broker = KafkaBroker(tmp_path / "kafka", jars)
    broker.start()
    broker.wait_ready()
    yield broker
    broker.stop()


@pytest.fixture
def own_database(source: JarSource, tmp_path):
    server = prepare_database(tmp_path / "database", source)
    server.start()
    server.wait_ready()
    yield server
    server.stop()


def test_broker_keeps_messages_and_port_over_a_kill(own_broker: KafkaBroker):
    """What was acknowledged is there after SIGKILL and a restart on the same folder."""
    port = own_broker.port
    create_topic(own_broker.settings, "kept", 1)
    produced = own_broker.run_tool("console-producer", "--topic", "kept", given="one\ntwo\n")
    assert produced.returncode == 0, produced.stderr
    own_broker.kill()
    assert not own_broker.is_alive
    own_broker.start()
    own_broker.wait_ready()
    assert own_broker.port == port
    offsets = own_broker.run_tool("get-offsets", "--topic", "kept")
    assert offsets.stdout.strip() == "kept:0:2"


class EarlierBroker(KafkaBroker):
    """As it was before TLS and logins."""

    def _properties(self):
        found = super()._properties()
        del found["authorizer.class.name"]
        listeners = found["listener.security.protocol.map"]
        return found | {
            "listener.security.protocol.map": listeners.replace("SASL_SSL", "PLAINTEXT")
        }

    @property
    def settings(self):
        return plain_broker(self.port)

    first_login = settings

    def _has_clients_port(self):
        return True

    def wait_ready(self, timeout_seconds=60):
        Server.wait_ready(self, timeout_seconds)


def test_the_data_of_a_broker_from_before_logins_is_there_after_the_upgrade(jars, tmp_path):
    """Its metadata knows no login: the first one comes from the broker's own files."""
    earlier = EarlierBroker(tmp_path / "kafka", jars)
    earlier.start()
    earlier.wait_ready()
    create_topic(earlier.settings, "kept", 1)
    sender = Sender(earlier.settings, {})
    sender.send("kept", b"key", b"body", [])
    assert sender.flush(30) == []
    earlier.stop()
    broker = KafkaBroker(tmp_path / "kafka", jars)
    broker.start()
    try:
        broker.wait_ready()
        assert [message.value() for message in messages_of(broker.settings, "kept")] == [b"body"]
    finally:
        broker.stop()


def test_console_tools_of_the_pruned_kafka_run(broker: KafkaBroker, topic: str):
    """The committed set of jars is small; every tool we offer must still load."""
    rows = "".join(f"{number}\n" for number in range(100))
    for codec in ("none", "gzip", "lz4", "snappy", "zstd"):
        sent = broker.run_tool(
            "console-producer", "--topic", topic, "--compression-codec", codec, given=rows
        )
        assert sent.returncode == 0, sent.stderr
    options = ("--topic", topic, "--from-beginning", "--max-messages", "500", "--group", topic)
    read = broker.run_tool("console-consumer", *options, "--formatter-property", "print.key=true")
    assert read.stdout.count("\n") == 500, read.stderr
    described = broker.run_tool("consumer-groups", "--describe", "--group", topic)
    assert described.stdout.count(topic) >= 4, described.stderr
    assert topic in broker.run_tool("topics", "--list").stdout
    changed = broker.run_tool(
        *("configs", "--alter", "--entity-type", "topics", "--entity-name", topic),
        *("--add-config", "retention.ms=60000"),
    )
    assert changed.returncode == 0, changed.stderr
    measured = broker.run_tool(
        *("producer-perf-test", "--topic", topic, "--num-records", "10"),
        *("--record-size", "10", "--throughput", "-1"),
    )
    assert "10 records sent" in measured.stdout, measured.stderr
    with tool_options(broker.settings) as options:
        classes = broker.run_tool(
            *("run-class", "org.apache.kafka.tools.GetOffsetShell"),
            *(*reaching(broker.settings, options), "--topic", topic),
        )
    assert classes.stdout.count(f"{topic}:") == 4, classes.stderr


def test_broker_that_cannot_start_says_why(jars, tmp_path):
    """The end of its log is in the message."""
    broker = KafkaBroker(tmp_path / "kafka", jars)
    broker.prepare()
    broker.start()
    broker.kill()
    with pytest.raises(UnavailableError, match="Kafka ended with code"):
        broker.wait_ready()


def test_database_keeps_committed_rows_over_a_kill(own_database: DatabaseServer):
    """What was committed is there after SIGKILL and a restart on the same folder."""
    with connect(own_database.settings()) as connection:
        connection.cursor().execute("CREATE TABLE kept (number INT PRIMARY KEY)")
        connection.cursor().execute("INSERT INTO kept VALUES (1), (2)")
        connection.commit()
        connection.cursor().execute("INSERT INTO kept VALUES (3)")
        own_database.kill()
    own_database.start()
    own_database.wait_ready()
    with connect(own_database.settings()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT COUNT(*) FROM kept")
        assert cursor.fetchall() == [(2,)]


def test_database_has_no_open_account(own_database: DatabaseServer):
    """Passwords are required from the first start, and are stored in private files."""
    wrong = own_database.admin_settings().model_copy(update={"db_password": SecretStr("")})
    with pytest.raises(Exception, match="refuses"):
        connect(wrong)
    secret = own_database.folder / "secrets" / "db_root_password"
    assert secret.stat().st_mode & 0o077 == 0
    assert connect(own_database.admin_settings()).is_connected()


def test_two_databases_have_nothing_in_a_common_folder(own_database: DatabaseServer):
    """Two servers with the same process id, each in its container, met in /tmp."""
    with connect(own_database.settings()) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TEMPORARY TABLE beside (a LONGTEXT) ENGINE = MyISAM")
        temporary = own_database.folder / "tmp"
        assert [path for path in temporary.iterdir() if path.name.startswith("#sql")]
        assert temporary.parent.stat().st_mode & 0o077 == 0


def test_database_is_durable_and_takes_local_files(own_database: DatabaseServer):
    """The settings that the writer's guarantee and speed depend on."""
    with connect(own_database.settings()) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT @@innodb_flush_log_at_trx_commit, @@local_infile,"
            " @@character_set_server, @@global.time_zone"
        )
        assert cursor.fetchall() == [(1, 1, "utf8mb4", "+00:00")]
