"""Ids are compared byte for byte wherever two of them meet, and an upgrade brings old tables along."""

import itertools
import unicodedata
from datetime import datetime

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from db.mapping import periods_by_patient, read_mappings, read_mappings_of
from db.mend.discard import discard
from db.mend.resend import messages, open_entries
from db.read import latest
from db.read.quarantine_desk import Selection, entries
from db.read.traces import Traces
from db.schema.migrate import migrate, migrations
from db.schema.patients import known_patients, register
from db.write.unmapped import enter_mapped

NOON = datetime(2026, 11, 24, 12)  # noqa: DTZ001 - the column is UTC without a zone
NOON_MS = 1_795_521_600_000
ENTRY = (
    "INSERT INTO quarentena (topico, particao, deslocamento, serie, posicao, motivo, paciente, sensor,"
    " componente, valor_bruto, medido_em) VALUES ('t', 0, %s, 0, %s, %s, %s, 'glicose', 'valor', 90, %s)"
)
TEXTS = (
    "SELECT table_name, column_name, collation_name FROM information_schema.columns"
    " WHERE table_schema = %s AND collation_name IS NOT NULL"
)
PROSE = {
    *itertools.product(["paciente", "sensor", "medico"], ["nome"]),
    *itertools.product(["diagnostico", "cirurgia"], ["descricao"]),
    ("medico", "especialidade"),
    ("prontuario", "anotacao"),
    ("quarentena", "detalhe"),
}
"""Text for people: it identifies nothing, and whoever searches it may ignore case."""
CONFUSABLE = [
    ("bed7", "BED7"),
    ("joao", "jo\u00e3o"),
    ("jo\u00e3o", "joa\u0303o"),
    ("\U0001f600", "\U0001f648"),
    ("w sp", "w sp "),
    ("p", "p\u3000"),
    ("\ufb01m", "fim"),
    ("p1", "\uff501"),
    ("stra\u00dfe", "strasse"),
    ("p\u00adq", "pq"),
    ("1", "\u0661"),
]


def alike(text):
    """Ids that some collation or normalization takes for the same as ``text``, and it."""
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    forms |= {text, text.upper(), text.casefold(), f"{text} ", f" {text}", f"{text}\u200b"}
    return sorted(form for form in forms if form.strip(" ") and len(form) <= 64)


def test_every_text_that_identifies_something_is_compared_byte_for_byte(migrated, settings, query):
    """A new column is binary by the table's default, or is named above as prose."""
    found = {
        (table, column): name for table, column, name in query(migrated, TEXTS, settings.db_name)
    }
    assert {place for place in PROSE if place not in found} == set()
    wrong = {
        place: name
        for place, name in found.items()
        # ascii_bin: topics, batch ids and reasons hold no blanks
        if place not in PROSE
        and not name.endswith(("nopad_bin", "0900_bin", "ascii_bin"))
        # JSON, which MariaDB stores as text
        and place not in {("quarentena", "cabecalhos"), ("livro_razao", "motivos")}
        and place != ("livro_razao", "arquivos")
    }
    assert wrong == {}


def test_a_table_that_is_added_later_is_binary_by_itself(migrated, settings, query):
    """Also a column that is added to a table of before."""
    cursor = migrated.cursor()
    cursor.execute("CREATE TABLE later (id VARCHAR(10), PRIMARY KEY (id))")
    cursor.execute("ALTER TABLE quarentena ADD COLUMN later VARCHAR(10)")
    found = {
        (table, column): name for table, column, name in query(migrated, TEXTS, settings.db_name)
    }
    collations = {found["later", "id"], found["quarentena", "later"]}
    assert len(collations) == 1
    assert collations <= {"utf8mb4_nopad_bin", "utf8mb4_0900_bin"}


@examples(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text).map(alike))
@example([name for pair in CONFUSABLE for name in pair])
def test_patients_whose_ids_look_alike_never_meet(migrated, query, ids):
    """All wait; one after the other is registered, found, discarded, sent again and explained."""
    cursor = migrated.cursor()
    for table in ("registro", "quarentena", "paciente_sensor", "paciente"):
        cursor.execute(f"DELETE FROM {table}")
    ids = sorted(set(ids))
    for offset, name in enumerate(ids):
        cursor.execute(ENTRY, (offset, 0, "unmapped", name, NOON))
        cursor.execute(ENTRY, (offset, 1, "out_of_range", name, NOON))
    migrated.commit()

    for number, name in enumerate(ids):
        assert known_patients(migrated, [name]) == {}
        assert not Traces(migrated).is_registered(name)
        register(migrated, {(name, "glicose"): NOON_MS})
        assert enter_mapped(migrated, limit=100) == 1
        assert query(migrated, "SELECT COUNT(*) FROM registro") == [(number + 1,)]
        assert latest.patient(migrated, name).patient_id == name
        assert list(periods_by_patient(read_mappings(migrated, of=(name, "glicose")))) == [name]

    entered = query(
        migrated,
        "SELECT p.identificador, q.paciente FROM quarentena q JOIN paciente p"
        " ON p.identificador = q.paciente WHERE q.estado = 'resolvida'",
    )
    assert sorted(entered) == [(name, name) for name in ids]
    assert periods_by_patient(read_mappings_of(migrated, ids)).keys() == set(ids)

    for offset, name in enumerate(ids):
        mine = Selection(patient_id=name)
        assert {entry.patient_id for entry in entries(migrated, mine, limit=100)} == {name}
        found = Traces(migrated).quarantined(name, NOON_MS)
        assert {whole.entry.offset for whole in found} == {offset}
        sent = messages(migrated, "t", mine, after=(0, -1), until=len(ids))
        assert [message.place for message in sent] == [(0, offset)]
        chosen = open_entries(migrated, "t", mine, [(0, other) for other in range(len(ids))])
        assert [entry.patient_id for entry in chosen if entry.is_selected] == [name]
        assert discard(migrated, mine) == 1


def test_an_upgrade_keeps_every_row_and_tells_apart_what_was_one(connection, settings, query):
    """From the last version that compared loosely, with ids of both kinds, readings and marks."""
    migrate(connection, settings.db_name, known=migrations()[:8])
    cursor = connection.cursor()
    for statement in (
        "INSERT INTO paciente (id, identificador, nome) VALUES (1, 'BED7', 'Ana'), (2, 'bed7', NULL)",
        "INSERT INTO sensor (id, codigo, nome, unidade) VALUES (1, 'glicose', 'G', 'mg/dL')",
        "INSERT INTO componente_sensor VALUES (1, 'valor', NULL, 0, 1)",
        (
            "INSERT INTO paciente_sensor VALUES (1, 1, 1, '2020-01-01', NULL, '2020-01-01'),"
            " (2, 2, 1, '2020-01-01', NULL, '9999-01-01'), (3, 1, 1, '2021-01-01', NULL, '1000-01-01')"
        ),
        "INSERT INTO registro VALUES (1, 'valor', '2026-01-01', 90)",
        "INSERT INTO lacuna VALUES (1, '2026-01-01', 1, 2, 1, 'sensor')",
        "INSERT INTO janela_repetida VALUES ('t', 0, 0, 'a', 'P', 'p', '2026-01-01')",
        "INSERT INTO medico (nome, crm) VALUES ('B', 'SP1')",
        "INSERT INTO doencas (nome) VALUES ('asma')",
        (
            "INSERT INTO diagnostico (paciente_id, medico_id, doenca_id, feito_em)"
            " VALUES (1, 1, 1, '2026-01-01')"
        ),
    ):
        cursor.execute(statement)
    names = ["bed7", "BED7", "w sp", "w sp ", "jo\u00e3o", "joao", "\U0001f600"]
    for offset, name in enumerate(names):
        cursor.execute(ENTRY, (offset, 0, "unmapped", name, NOON))
    connection.commit()
    tables = [
        name
        for (name,) in query(
            connection,
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s",
            settings.db_name,
        )
        if name not in {"migracao", "paciente_sensor"}
    ]
    tables.append(
        "(SELECT id, paciente_id, sensor_id, ativo_desde, ativo_ate FROM paciente_sensor) m"
    )
    before = {
        table: sorted(map(str, query(connection, f"SELECT * FROM {table}"))) for table in tables
    }

    migrate(connection, settings.db_name)
    for table in tables:
        assert sorted(map(str, query(connection, f"SELECT * FROM {table}"))) == before[table], table
    for name in names:
        found = list(entries(connection, Selection(patient_id=name), limit=100))
        assert [entry.patient_id for entry in found] == [name]
    marks = query(connection, "SELECT alterado_em <= UTC_TIMESTAMP(6) FROM paciente_sensor")
    assert marks == [(1,)] * 3
    register(connection, {("w sp ", "glicose"): NOON_MS})
    assert enter_mapped(connection, limit=100) == 3
    states = query(connection, "SELECT paciente FROM quarentena WHERE estado = 'resolvida'")
    assert {name for (name,) in states} == {"bed7", "BED7", "w sp "}


@pytest.mark.parametrize("mark", ["produtor", "primeiro_produtor"])
def test_producers_that_look_alike_are_two(migrated, query, mark):
    migrated.cursor().execute(
        "INSERT INTO janela_repetida VALUES ('t', 0, 0, 'a', 'P', 'P', '2026-01-01')"
    )
    migrated.commit()
    for name, count in (("P", 1), ("p", 0), ("P ", 0)):
        counted = f"SELECT COUNT(*) FROM janela_repetida WHERE {mark} = %s"
        assert query(migrated, counted, name) == [(count,)]
