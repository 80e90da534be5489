"""A repair beside a consumer that commits between the look and the write: what is newer stays."""

from decimal import Decimal

import pyarrow as pa
import pytest

from db import ledger
from db.ledger import RangeCounts
from db.read.evidence import REGISTRO_ROW
from ops.reconcile.plan import RepairPlan
from ops.reconcile.repair import SET_ASIDE, repair
from producer.delivery.republish import ArchivedBatch
from schemas.files.attempts import begin_attempt
from schemas.files.trusted import TrustedFormat, write_trusted

TOPIC = "t"
SECOND = 1_577_836_801_000
VALUES = "SELECT componente, valor FROM registro ORDER BY componente"


@pytest.fixture
def session(worn):
    cursor = worn.cursor()
    cursor.execute(
        "INSERT INTO registro VALUES (1, 'x', '2020-01-01 00:00:01', 7),"
        " (1, 'y', '2020-01-01 00:00:01', 7)"
    )
    cursor.execute("INSERT INTO progresso VALUES (%s, 0, 3)", (TOPIC,))
    worn.commit()
    return worn


def commit(connection, folder, component):
    """A range with one reading, as the consumer commits it."""
    readings = pa.table(
        {
            "batch_id": ["b"],
            "patient_id": ["p1"],
            "sensor": ["a"],
            "unit": ["u"],
            "component": [component],
            **{name: pa.array([0], pa.int32()) for name in ("series", "position", "partition")},
            "offset": [3],
            "event_ms": [SECOND],
            "value": [7.0],
            "kafka_ms": [SECOND],
        }
    )
    with begin_attempt(folder, TOPIC, 0) as attempt:
        files = write_trusted(attempt, readings, offsets=range(3, 4), form=TrustedFormat.PARQUET)
    ledger.lock_next_offset(connection, TOPIC, 0)
    counts = RangeCounts(1, 0, 0, 1, 1, 0, {})
    ledger.record_range(connection, TOPIC, 0, range(3, 4), counts, files)
    connection.commit()
    return files


def plan(*components):
    rows = [(1, component, SECOND, 5_000, 7_000) for component in components]
    schema = pa.schema([*REGISTRO_ROW, ("found", pa.int64())])
    named = [dict(zip(schema.names, row, strict=True)) for row in rows]
    return RepairPlan(rows=pa.Table.from_pylist(named, schema))


def test_a_value_that_the_consumer_wrote_meanwhile_is_newer_even_if_it_looks_the_same(
    session, settings, tmp_path, query
):
    """The wrong value it saw is now correct, from a range committed after the look."""
    seen = {(TOPIC, 0): 3}
    commit(session, tmp_path, "x")
    said = []
    repair(plan("x", "y"), settings, tmp_path, seen, pytest.fail, pytest.fail, said.append)
    assert query(session, VALUES) == [("x", Decimal(7)), ("y", Decimal(5))]
    assert said == ["added or corrected 1 registro row"]


def test_files_that_no_ledger_names_are_put_aside_and_kept(session, settings, tmp_path):
    """Even if a file of the same name was set aside before."""
    [name] = commit(session, tmp_path, "x")
    content = (tmp_path / name).read_bytes()
    for _ in range(2):
        found = RepairPlan(set_aside=[name])
        repair(found, settings, tmp_path, {}, pytest.fail, pytest.fail, print)
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_bytes(content)
    aside = [path for path in (tmp_path / SET_ASIDE).rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in aside] == [content] * 2


def test_the_publisher_is_given_the_batches_in_the_order_of_the_plan(session, settings, tmp_path):
    listed = [ArchivedBatch(tmp_path / "a.jsonl", name, None) for name in "cab"]
    given = []
    repair(RepairPlan(publish=listed), settings, tmp_path, {}, given.extend, pytest.fail, print)
    assert given == listed
