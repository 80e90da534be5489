import hashlib
import threading
from dataclasses import replace

import pytest

from common.errors import ConfigurationError
from db.connection import connect
from db.schema.migrate import (
    Migration,
    migrate,
    migrations,
    pending_migrations,
    require_current_schema,
)

TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"


def migration(number, sql, name="invented"):
    return Migration(number, name, sql, hashlib.sha256(sql.encode()).hexdigest())


def tables(query, connection, settings):
    return {name for (name,) in query(connection, TABLES, settings.db_name)}


def test_makes_the_database_and_every_table(connection, settings, query):
    applied = migrate(connection, settings.db_name)
    assert applied == list(migrations())
    assert tables(query, connection, settings) >= {
        "paciente", "sensor", "componente_sensor", "paciente_sensor", "registro",
        "medico", "doencas", "doenca_paciente", "diagnostico", "cirurgia", "medico_paciente",
        "prontuario", "quarentena", "progresso", "livro_razao", "lote", "migracao",
    }  # fmt: skip
    require_current_schema(connection)


def test_applies_nothing_the_second_time(connection, settings, query):
    migrate(connection, settings.db_name)
    before = query(connection, "SELECT * FROM migracao ORDER BY numero")
    assert migrate(connection, settings.db_name) == []
    assert query(connection, "SELECT * FROM migracao ORDER BY numero") == before


def test_records_number_name_and_checksum(migrated, query):
    rows = query(migrated, "SELECT numero, nome, checksum FROM migracao ORDER BY numero")
    assert rows == [
        (migration.number, migration.name, migration.checksum) for migration in migrations()
    ]


def test_a_dry_look_lists_everything_and_makes_nothing(connection, settings, query):
    assert pending_migrations(connection, settings.db_name) == list(migrations())
    assert query(connection, "SHOW DATABASES LIKE %s", settings.db_name) == []


def test_a_reading_needs_its_mapping_and_a_mapping_its_patient_and_sensor(
    migrated, settings, query
):
    keys = query(
        migrated,
        "SELECT table_name, referenced_table_name FROM information_schema.key_column_usage"
        " WHERE table_schema = %s AND referenced_table_name IS NOT NULL",
        settings.db_name,
    )
    assert set(keys) >= {
        ("registro", "paciente_sensor"),
        ("paciente_sensor", "paciente"),
        ("paciente_sensor", "sensor"),
        ("componente_sensor", "sensor"),
        ("diagnostico", "paciente"),
        ("medico_paciente", "medico"),
    }


def test_the_identity_of_a_reading_is_its_only_key(migrated, settings, query):
    rows = query(
        migrated,
        "SELECT index_name, column_name FROM information_schema.statistics"
        " WHERE table_schema = %s AND table_name = 'registro' ORDER BY seq_in_index",
        settings.db_name,
    )
    columns = ("paciente_sensor_id", "componente", "created_at")
    assert rows == [("PRIMARY", column) for column in columns]


def test_refuses_an_edited_migration(connection, settings):
    first = migration(1, "CREATE TABLE a (id INT)")
    migrate(connection, settings.db_name, known=[first])
    edited = migration(1, "CREATE TABLE a (id BIGINT)")
    for refuse in (migrate, pending_migrations):
        with pytest.raises(ConfigurationError, match=r"0001_invented.*edited"):
            refuse(connection, settings.db_name, known=[edited, migration(2, "DO 1")])
    with pytest.raises(ConfigurationError, match="edited"):
        require_current_schema(connection, known=[edited])


def test_refuses_a_renamed_migration(connection, settings):
    first = migration(1, "CREATE TABLE a (id INT)")
    migrate(connection, settings.db_name, known=[first])
    with pytest.raises(ConfigurationError, match=r"0001_other is not the one"):
        migrate(connection, settings.db_name, known=[replace(first, name="other")])


def test_refuses_a_database_whose_record_has_a_gap(migrated, settings):
    migrated.cursor().execute("DELETE FROM migracao WHERE numero = 2")
    migrated.commit()
    with pytest.raises(ConfigurationError, match=r"no record of migration 0002.*later ones"):
        migrate(migrated, settings.db_name)


def test_refuses_a_newer_database(migrated, settings):
    for refuse in (migrate, pending_migrations):
        with pytest.raises(ConfigurationError, match="newer than this program"):
            refuse(migrated, settings.db_name, known=migrations()[:2])
    with pytest.raises(ConfigurationError, match="newer than this program"):
        require_current_schema(migrated, known=migrations()[:2])


def test_refuses_to_go_on_after_a_half_applied_migration(connection, settings, query):
    """DDL cannot be rolled back: the first statement's table stays, and a person must look."""
    broken = migration(1, "CREATE TABLE a (id INT); CREATE TABLE a (id INT);")
    with pytest.raises(ConfigurationError, match="failed at its statement 2"):
        migrate(connection, settings.db_name, known=[broken])
    assert tables(query, connection, settings) == {"migracao", "a"}
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="began and did not end") as caught:
            migrate(connection, settings.db_name, known=[broken])
    assert "DELETE FROM migracao WHERE numero = 1" in caught.value.hint
    with pytest.raises(ConfigurationError, match="began and did not end"):
        require_current_schema(connection, known=[broken])


def test_a_migration_that_fails_at_once_can_be_corrected_and_applied(connection, settings):
    """The hint says so: nothing was changed."""
    with pytest.raises(ConfigurationError, match="failed at its statement 1") as caught:
        migrate(connection, settings.db_name, known=[migration(1, "CREATE TABLE a (id NOTHING)")])
    assert "nothing was changed" in caught.value.hint
    right = migration(1, "CREATE TABLE a (id INT)")
    assert migrate(connection, settings.db_name, known=[right]) == [right]


def test_two_migrators_at_once_apply_each_migration_once(settings):
    known = [migration(1, "CREATE TABLE a (id INT); DO SLEEP(0.5)"), migration(2, "DO SLEEP(0.2)")]
    applied = []

    def run():
        with connect(settings, database=False) as connection:
            applied.extend(migrate(connection, settings.db_name, known=known))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row.number for row in applied) == [1, 2]


def test_an_older_schema_is_refused_with_the_command_that_helps(connection, settings):
    migrate(connection, settings.db_name, known=migrations()[:-1])
    with pytest.raises(ConfigurationError, match="older than this program") as caught:
        require_current_schema(connection)
    assert "python -m db migrate" in caught.value.hint
    assert migrate(connection, settings.db_name) == [migrations()[-1]]
    require_current_schema(connection)


def test_an_empty_database_is_refused_as_an_older_one(connection, settings):
    connection.cursor().execute(f"CREATE DATABASE {settings.db_name}")
    with connect(settings) as selected, pytest.raises(ConfigurationError, match="older"):
        require_current_schema(selected)


def test_a_dead_migrator_releases_the_lock(settings):
    with connect(settings, database=False) as dying:
        cursor = dying.cursor()
        cursor.execute("SELECT GET_LOCK(%s, 1)", (f"vitals-migrate-{settings.db_name}",))
        cursor.fetchall()
    with connect(settings, database=False) as connection:
        assert len(migrate(connection, settings.db_name)) == len(migrations())
