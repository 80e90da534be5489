"""A database of its own for each test, on a server of the environment or the embedded one."""

import os
import uuid

import pytest
from pydantic_settings import SettingsConfigDict

from common.settings import DatabaseSettings
from db.connection import connect
from db.schema.migrate import migrate
from db.write.bulk import infile_folder


class GivenServerSettings(DatabaseSettings):
    """VITALS_TEST_DB_HOST, _PORT, _USER, _PASSWORD: an account that may create databases."""

    model_config = SettingsConfigDict(env_prefix="VITALS_TEST_", frozen=True, extra="ignore")


@pytest.fixture(scope="session")
def any_server_settings(request):
    """The admin account of a real server: the one from the environment, or our own."""
    if "VITALS_TEST_DB_HOST" in os.environ:
        return GivenServerSettings()
    return request.getfixturevalue("database_server").admin_settings()


@pytest.fixture
def server_settings(any_server_settings):
    """The server that a test uses."""
    return any_server_settings


@pytest.fixture
def settings(server_settings):
    """Settings whose database does not exist yet; it is dropped after the test."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield server_settings.model_copy(update={"db_name": name})
    with connect(server_settings, database=False) as connection:
        connection.cursor().execute(f"DROP DATABASE IF EXISTS {name}")


@pytest.fixture
def connection(settings):
    """A session without a database selected."""
    with connect(settings, database=False) as connection:
        yield connection


@pytest.fixture
def migrated(settings, connection):
    """A session in a database with the current schema."""
    migrate(connection, settings.db_name)
    return connection


@pytest.fixture
def worn(migrated):
    """A session in a database with one patient, who wears the sensors 1 and 2 since 1970."""
    cursor = migrated.cursor()
    cursor.execute("INSERT INTO paciente (id, identificador) VALUES (1, 'p1')")
    cursor.execute(
        "INSERT INTO sensor (id, codigo, nome, unidade) VALUES (1, 'a', 'A', 'u'), (2, 'b', 'B', 'u')"
    )
    cursor.execute(
        "INSERT INTO paciente_sensor (id, paciente_id, sensor_id, ativo_desde)"
        " VALUES (1, 1, 1, '1970-01-01'), (2, 1, 2, '1970-01-01')"
    )
    migrated.commit()
    return migrated


@pytest.fixture
def session(worn, settings):
    """A session like a worker's: it may load files."""
    with connect(settings, local_infile_folder=infile_folder()) as connection:
        yield connection


@pytest.fixture
def query():
    """Reads all rows and ends the transaction, so that the next read sees what others wrote."""

    def run(connection, sql, *values):
        cursor = connection.cursor()
        cursor.execute(sql, values)
        rows = cursor.fetchall()
        connection.rollback()
        return rows

    return run
