from datetime import datetime

import pytest

from common.demo_patients import birth_dates, demo_patient_ids
from common.errors import ConfigurationError
from db.schema import catalogue_rows
from db.schema.catalogue_rows import component_rows, sensor_rows
from db.schema.migrate import migrate, migrations
from db.schema.patients import register
from db.schema.seed import SeededCount, seed
from schemas.catalogue import sensors

PEOPLE = "SELECT identificador, nome, data_nascimento, sexo FROM paciente ORDER BY id"
SENSORS = len(sensor_rows())
EVERYTHING = (
    "SELECT p.id, p.identificador, p.nome, s.id, s.codigo, ps.id, ps.ativo_desde, ps.alterado_em"
    " FROM paciente p JOIN paciente_sensor ps ON ps.paciente_id = p.id"
    " JOIN sensor s ON s.id = ps.sensor_id ORDER BY ps.id"
)


def test_every_patient_wears_every_sensor_of_the_catalogue(migrated, query):
    assert seed(migrated, 5, 7) == SeededCount(patients=5, mappings=5 * SENSORS)
    pairs = query(migrated, EVERYTHING)
    assert {(row[1], row[4]) for row in pairs} == {
        (patient, code) for patient in demo_patient_ids(5) for code, *_ in sensor_rows()
    }
    assert {row[6] for row in pairs} == {datetime(2000, 1, 1)}  # noqa: DTZ001 - as the column


def test_the_catalogue_is_written_as_it_is(migrated, query):
    seed(migrated, 1, 7)
    assert query(migrated, "SELECT codigo, nome, unidade, ucum FROM sensor ORDER BY id") == (
        sensor_rows()
    )
    rows = query(
        migrated,
        "SELECT s.codigo, c.componente, c.loinc, c.minimo, c.maximo"
        " FROM componente_sensor c JOIN sensor s ON s.id = c.sensor_id"
        " ORDER BY s.id, c.componente",
    )
    assert sorted(rows, key=str) == sorted(component_rows(), key=str)


def test_without_demo_patients_only_the_catalogue_is_written(migrated, query):
    assert seed(migrated, 0, 7) == SeededCount(patients=0, mappings=0)
    assert query(migrated, "SELECT codigo, nome, unidade, ucum FROM sensor ORDER BY id") == (
        sensor_rows()
    )


def test_a_changed_catalogue_row_is_put_right(migrated, query):
    seed(migrated, 1, 7)
    ids = query(migrated, "SELECT id, codigo FROM sensor ORDER BY id")
    migrated.cursor().execute("UPDATE sensor SET unidade = 'furlong'")
    migrated.cursor().execute("UPDATE componente_sensor SET maximo = 1")
    migrated.commit()
    seed(migrated, 1, 7)
    assert query(migrated, "SELECT COUNT(*) FROM sensor WHERE unidade = 'furlong'") == [(0,)]
    assert query(migrated, "SELECT COUNT(*) FROM componente_sensor WHERE maximo = 1") == [(0,)]
    assert query(migrated, "SELECT id, codigo FROM sensor ORDER BY id") == ids


def test_a_later_catalogues_sensor_comes_to_the_demo_patients_and_touches_nothing_else(
    migrated, query, monkeypatch
):
    """An upgrade on a database with data: of patients, some with a sensor ended, and of a replay."""
    *earlier, latest = sensors()
    with monkeypatch.context() as version_before:
        version_before.setattr(catalogue_rows, "sensors", lambda: tuple(earlier))
        seed(migrated, 5, 7)
        register(migrated, {("p1", earlier[0].code): 0})
    migrated.cursor().execute("UPDATE paciente_sensor SET ativo_ate = '2020-01-01' WHERE id = 1")
    migrated.commit()
    tables = ("paciente", "sensor", "componente_sensor", "paciente_sensor")
    before = {name: set(query(migrated, f"SELECT * FROM {name}")) for name in tables}

    assert seed(migrated, 5, 7) == SeededCount(patients=0, mappings=5)
    for name in tables:
        assert before[name] <= set(query(migrated, f"SELECT * FROM {name}")), name
    assert query(migrated, "SELECT codigo FROM sensor ORDER BY id")[-1] == (latest.code,)
    parts = query(
        migrated,
        "SELECT c.componente FROM componente_sensor c JOIN sensor s ON s.id = c.sensor_id"
        " WHERE s.codigo = %s ORDER BY c.componente",
        latest.code,
    )
    assert parts == [(part.part,) for part in latest.components]
    new = [row for row in query(migrated, EVERYTHING) if row[4] == latest.code]
    assert [row[1] for row in new] == demo_patient_ids(5)
    assert seed(migrated, 5, 7) == SeededCount(0, 0)


def test_seeding_again_changes_nothing(migrated, query):
    seed(migrated, 20, 7)
    before = query(migrated, EVERYTHING)
    assert seed(migrated, 20, 7) == SeededCount(0, 0)
    assert seed(migrated, 3, 99) == SeededCount(0, 0)
    assert query(migrated, EVERYTHING) == before


def test_more_patients_add_the_rest(migrated, query):
    seed(migrated, 3, 7)
    before = query(migrated, PEOPLE)
    assert seed(migrated, 8, 7) == SeededCount(5, 5 * SENSORS)
    assert query(migrated, PEOPLE)[:3] == before
    assert [row[0] for row in query(migrated, PEOPLE)] == demo_patient_ids(8)


def test_an_aborted_seed_is_completed(migrated, query):
    """A patient without some mappings, as if somebody had removed them."""
    seed(migrated, 4, 7)
    migrated.cursor().execute("DELETE FROM paciente_sensor WHERE sensor_id > 2 AND paciente_id > 1")
    migrated.commit()
    assert seed(migrated, 4, 7) == SeededCount(0, 3 * (SENSORS - 2))
    assert query(migrated, "SELECT COUNT(*) FROM paciente_sensor") == [(4 * SENSORS,)]


def test_a_sensor_that_was_taken_off_stays_off(migrated, query):
    seed(migrated, 2, 7)
    migrated.cursor().execute("UPDATE paciente_sensor SET ativo_ate = '2020-01-01' WHERE id = 1")
    migrated.commit()
    assert seed(migrated, 2, 7).mappings == 0


def test_the_same_seed_makes_the_same_people(migrated, query, settings):
    seed(migrated, 30, 7)
    first = query(migrated, PEOPLE)
    migrated.cursor().execute(f"DROP DATABASE {settings.db_name}")
    migrate(migrated, settings.db_name)
    seed(migrated, 30, 7)
    assert query(migrated, PEOPLE) == first
    assert [row[2] for row in first] == birth_dates(7, demo_patient_ids(30))


def test_another_seed_makes_other_people(migrated, query, settings):
    seed(migrated, 30, 7)
    first = query(migrated, PEOPLE)
    migrated.cursor().execute(f"DROP DATABASE {settings.db_name}")
    migrate(migrated, settings.db_name)
    seed(migrated, 30, 8)
    assert query(migrated, PEOPLE) != first


def test_progress_ends_at_the_number_of_patients(migrated):
    told = []
    seed(migrated, 2_500, 7, told.append)
    assert told == [2_000, 2_500]


def test_an_older_schema_is_refused_before_anything_is_written(connection, settings, query):
    migrate(connection, settings.db_name, known=migrations()[:-1])
    with pytest.raises(ConfigurationError, match="older than this program"):
        seed(connection, 1, 7)
    assert query(connection, "SELECT COUNT(*) FROM paciente") == [(0,)]
