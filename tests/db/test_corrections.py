"""A value that another one overwrites stays readable, with where both came from."""

from decimal import Decimal

import pyarrow as pa
import pytest

from db.connection import connect
from db.mapping import read_mappings
from db.schema.seed import seed
from db.write import quarantine, registro, unmapped
from db.write.bulk import infile_folder
from db.write.corrections import OldValue, Origin, Overwriting
from tests.db.rows import INFILE, INSERT, rejected, rejected_table, utc

NOTED = (
    "SELECT paciente_sensor_id, componente, created_at, valor_antigo, lote_antigo, particao_antiga,"
    " deslocamento_antigo, recebido_antigo, valor_novo, lote_novo, topico_novo, particao_nova,"
    " deslocamento_novo, recebido_novo, desfeito_em FROM registro_correcao ORDER BY id"
)
SCHEMA = pa.schema(
    [
        ("mapping_id", pa.int32()),
        *((name, pa.string()) for name in ("patient_id", "sensor", "component")),
        ("event_ms", pa.int64()),
        ("value", pa.float64()),
        ("batch_id", pa.string()),
        ("partition", pa.int32()),
        *((name, pa.int64()) for name in ("offset", "kafka_ms")),
    ]
)
METHODS = pytest.mark.parametrize("method", [INFILE, INSERT])


def table(*rows):
    """(second, value, offset) of one sensor of one patient; the batch is named after the offset."""
    return pa.Table.from_pylist(
        [
            {
                "mapping_id": 1,
                "patient_id": "p1",
                "sensor": "a",
                "component": "valor",
                "event_ms": second * 1000,
                "value": value,
                "batch_id": batch(offset),
                "partition": 3,
                "offset": offset,
                "kafka_ms": offset * 1000,
            }
            for second, value, offset in rows
        ],
        SCHEMA,
    )


def batch(offset):
    return f"{offset:036d}"


class Seen:
    """What is asked for, and what is answered."""

    def __init__(self, **origins):
        self.asked, self.origins = [], origins
        self.overwriting = Overwriting("t", self.find)

    def find(self, values):
        self.asked += values
        return {value: Origin(batch(1), "t", 2, 1, 1000) for value in values}


@METHODS
def test_an_overwritten_value_stays_with_both_origins(session, query, method):
    seen = Seen()
    first = table((0, 70.0, 1), (1, 71.0, 1), (2, 72.0, 1))
    assert registro.upsert(session, first, method, overwriting=seen.overwriting).refused == []
    session.commit()
    assert (query(session, NOTED), seen.asked) == ([], [])
    again = table((0, 70.0, 2), (1, 80.5, 2), (3, 73.0, 2))
    assert registro.upsert(session, again, method, overwriting=seen.overwriting).refused == []
    session.commit()
    assert seen.asked == [OldValue("p1", "a", "valor", 1000, 71_000)]
    assert query(session, NOTED) == [
        (
            *(1, "valor", utc("1970-01-01 00:00:01"), Decimal("71.000")),
            *(batch(1), 2, 1, utc("1970-01-01 00:00:01"), Decimal("80.500")),
            *(batch(2), "t", 3, 2, utc("1970-01-01 00:00:02"), None),
        )
    ]
    values = query(session, "SELECT valor FROM registro ORDER BY created_at")
    assert [float(value) for (value,) in values] == [70.0, 80.5, 72.0, 73.0]


@METHODS
def test_the_same_values_again_are_not_looked_at(session, query, method):
    """So what is sent again under another id costs nothing."""
    seen = Seen()
    for offset in (1, 2):
        rows = table(*((second, 70.0 + second, offset) for second in range(100)))
        registro.upsert(session, rows, method, overwriting=Overwriting("t", seen.find))
        session.commit()
    assert query(session, NOTED) == []


@METHODS
def test_values_of_one_load_overwrite_each_other_in_their_order(session, query, method):
    seen = Seen()
    rows = table((0, 70.0, 1), (0, 71.0, 2), (1, 5.0, 2), (0, 71.0, 3), (0, 70.0, 4))
    registro.upsert(session, rows, method, overwriting=seen.overwriting)
    session.commit()
    assert seen.asked == []
    found = [(row[3], row[6], row[8], row[12]) for row in query(session, NOTED)]
    assert found == [(70, 1, 71, 2), (71, 3, 70, 4)]


@METHODS
def test_a_refused_row_beside_a_correction_costs_only_itself(session, query, method):
    seen = Seen()
    registro.upsert(session, table((0, 70.0, 1)), method)
    session.commit()
    rows = table((0, 71.0, 2), (1, 1e9, 2), (2, 72.0, 2))
    [refusal] = registro.upsert(session, rows, method, overwriting=seen.overwriting).refused
    session.commit()
    assert refusal.index == 1
    assert [(row[3], row[8]) for row in query(session, NOTED)] == [(70, 71)]
    assert query(session, "SELECT COUNT(*) FROM registro") == [(2,)]


def test_a_reading_that_waited_notes_the_row_that_it_overwrites(migrated, settings, query):
    seed(migrated, 1, 1)
    mapping = next(
        found for found in read_mappings(migrated) if found.sensor == "frequencia_cardiaca"
    )
    at = mapping.from_ms + 1000
    with connect(settings, local_infile_folder=infile_folder()) as session:
        session.cursor().execute(
            "INSERT INTO registro VALUES (%s, 'valor', %s, 70)",
            (mapping.mapping_id, unmapped.moment_of(at)),
        )
        waiting = {"patient_id": mapping.patient_id, "sensor": mapping.sensor, "event_ms": at}
        waiting |= {"component": "valor", "value": 88.0, "batch_id": batch(5), "reason": "unmapped"}
        quarantine.insert(session, rejected_table(rejected(5, **waiting)), INSERT)
        session.commit()
        assert unmapped.enter_mapped(session, limit=10) == 1
    [noted] = query(migrated, NOTED)
    assert (noted[3], noted[4], noted[8], noted[9], noted[12]) == (70, None, 88, batch(5), 5)
