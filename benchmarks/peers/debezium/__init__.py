"""Debezium's JDBC sink on Kafka Connect, standalone: one flat JSON reading per message."""

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers.environment import PEERS_FOLDER, peer_jars, unpacked
from benchmarks.peers.launch import fresh_group, last_error, started, write_private
from benchmarks.peers.peer import PeerRun, Say, TopicFormat
from common.settings import DatabaseSettings
from db.connection import connect
from ops.stack import ChildProcess

_MANIFEST = Path(__file__).with_name("jars.txt")
_TASKS = 2
_BATCH_SIZE = 3000
_LOG_LEVEL = "warn"
# it logs at level ERROR that it creates the dead letter topic
_ERROR = r"^(?!.*DeadLetterQueueReporter).*\bERROR\b|^Caused by"
# JsonConverter's schema.content (KIP-1054, Connect 4.2): the messages need not carry it
_SCHEMA = {
    "type": "struct",
    "optional": False,
    "fields": [
        {"field": "paciente_sensor_id", "type": "int32", "optional": False},
        {"field": "componente", "type": "string", "optional": False},
        {
            "field": "created_at",
            "type": "int64",
            "name": "org.apache.kafka.connect.data.Timestamp",
            "version": 1,
            "optional": False,
        },
        {"field": "valor", "type": "double", "optional": False},
    ],
}


class Debezium:
    """The connector's upsert, with a primary key from the record's value."""

    name = "debezium"
    topic_format = TopicFormat.FLAT_JSON
    settings: Mapping[str, str] = {
        "debezium-connector-jdbc": "3.6.0.Final",
        "kafka connect": "4.3.1, standalone",
        "mysql-connector-j": "9.1.0, rewriteBatchedStatements=true",
        "value.converter": "JsonConverter, schemas.enable=true, schema.content",
        "insert.mode": "upsert",
        "primary.key.mode": "record_value",
        "batch.size": str(_BATCH_SIZE),
        "max.poll.records": str(_BATCH_SIZE),
        "tasks.max": str(_TASKS),
        "errors.tolerance": "all, with a dead letter topic",
        "fetch.min.bytes": "65536",
        "fetch.max.wait.ms": "500",
        "offset.flush.interval.ms": "5000",
    }
    prompt_settings: Mapping[str, str] = {
        # a poll returns with the first message
        "fetch.min.bytes": "1",
        "fetch.max.wait.ms": "10",
        "offset.flush.interval.ms": "1000",
    }

    def __init__(self) -> None:
        """Installs nothing before `install`."""
        self._connect = self._plugins = Path()

    def install(self, cache: Path, java: Path, say: Say) -> None:
        """Downloads Connect and the connector's plugin. Errors: see `Peer.install`."""
        folder = cache / PEERS_FOLDER / self.name
        self._connect = peer_jars(folder, java, _MANIFEST, "connect", say)
        (archive,) = peer_jars(folder, java, _MANIFEST, "plugin", say).glob("*.tar.gz")
        self._plugins = unpacked(archive, folder / "plugins")

    def start(self, run: PeerRun) -> list[ChildProcess]:
        """One Connect worker, started with its own settings and the connector's."""
        run.folder.mkdir(parents=True, exist_ok=True)
        worker, connector = run.folder / "worker.properties", run.folder / "connector.json"
        lines = (f"{name}={value}" for name, value in self._worker(run).items())
        worker.write_text("\n".join(lines) + "\n", encoding="utf-8")
        config = {"name": fresh_group(self.name), "config": self._connector(run)}
        write_private(connector, json.dumps(config, indent=2))
        command = [
            *(str(run.java), "-Xms256m", "-Xmx2g", "-XX:+UseG1GC"),
            f"-Dorg.slf4j.simpleLogger.defaultLogLevel={_LOG_LEVEL}",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            *("-cp", f"{self._connect}/*"),
            *("org.apache.kafka.connect.cli.ConnectStandalone", str(worker), str(connector)),
        ]
        return [started(run, self.name, command)]

    def complaint(self, run: PeerRun) -> str:
        """The last ERROR of Connect or of the connector."""
        return last_error(run.folder, _ERROR)

    def _setting(self, run: PeerRun, name: str) -> str:
        prompt = self.prompt_settings if run.is_prompt else {}
        return prompt.get(name, self.settings[name])

    def _worker(self, run: PeerRun) -> dict[str, str]:
        return {
            "bootstrap.servers": run.bootstrap_servers,
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "true",
            "value.converter.schema.content": json.dumps(_SCHEMA, separators=(",", ":")),
            "offset.storage.file.filename": str(run.folder / "offsets"),
            "offset.flush.interval.ms": self._setting(run, "offset.flush.interval.ms"),
            "plugin.path": str(self._plugins),
            "plugin.discovery": "service_load",
            # any free port: two may run at once
            "listeners": "http://127.0.0.1:0",
        }

    def _connector(self, run: PeerRun) -> dict[str, str]:
        database = run.database
        return {
            "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
            "topics": run.topic,
            "tasks.max": str(_TASKS),
            "connection.url": f"jdbc:mysql://{database.db_host}:{database.db_port}/"
            f"{database.db_name}?rewriteBatchedStatements=true&connectionTimeZone=UTC",
            "connection.username": database.db_user,
            "connection.password": database.db_password.get_secret_value(),
            "collection.name.format": "registro",
            "insert.mode": "upsert",
            "primary.key.mode": "record_value",
            "primary.key.fields": "paciente_sensor_id,componente,created_at",
            "schema.evolution": "none",
            "batch.size": str(_BATCH_SIZE),
            "consumer.override.max.poll.records": str(_BATCH_SIZE),
            "consumer.override.fetch.min.bytes": self._setting(run, "fetch.min.bytes"),
            "consumer.override.fetch.max.wait.ms": self._setting(run, "fetch.max.wait.ms"),
            "consumer.override.auto.offset.reset": "earliest",
            "errors.tolerance": "all",
            "errors.deadletterqueue.topic.name": f"{run.topic}-dead-letters",
            "errors.deadletterqueue.topic.replication.factor": "1",
            "errors.log.enable": "true",
            **_dialect(database),
        }


def _dialect(database: DatabaseSettings) -> dict[str, str]:
    # MySQL's driver, the faster one here, asks MariaDB for a column that it lacks, and Hibernate then
    # cannot tell which server it talks to
    with connect(database) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT VERSION()")
        is_mariadb = "MariaDB" in cursor.fetchone()[0]
    return {"hibernate.dialect": "org.hibernate.dialect.MariaDBDialect"} if is_mariadb else {}
