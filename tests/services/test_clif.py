"""Real readings, row by row: a CLIF vitals table goes through the whole pipeline.

The expected result is computed from the file alone, with limits written here: neither the
consumer nor the catalogue is involved.
"""

import csv
import hashlib
import json
import os
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from ops.cli.commands.reconcile import prove
from tests.programs import run_module
from tests.services.pipeline import REPOSITORY

EXCERPT = REPOSITORY / "tests" / "data" / "clif_vitals_excerpt.csv"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
ACCEPTED = {
    "heart_rate": ("frequencia_cardiaca", None, lambda value: 0 < value <= 300),
    "sbp": ("pressao_arterial", "sistolica", lambda value: 0 < value <= 300),
    "dbp": ("pressao_arterial", "diastolica", lambda value: 0 < value <= 200),
    "temp_c": ("temperatura_corporal", None, lambda value: 26 <= value <= 45),
    "spo2": ("nivel_oxigenacao", None, lambda value: 50 <= value <= 100),
    "respiratory_rate": ("frequencia_respiratoria", None, lambda value: 0 < value <= 120),
}
REGISTRO = (
    "SELECT p.identificador, s.codigo, r.componente, r.created_at, r.valor FROM registro r"
    " JOIN paciente_sensor ps ON ps.id = r.paciente_sensor_id"
    " JOIN paciente p ON p.id = ps.paciente_id JOIN sensor s ON s.id = ps.sensor_id"
)
QUARANTINE = "SELECT paciente, sensor, componente, medido_em, valor_bruto, motivo FROM quarentena"
EVERYTHING = {
    "registro": "SELECT * FROM registro ORDER BY 1, 2, 3",
    "quarentena": "SELECT * FROM quarentena ORDER BY 1, 2, 3, 4, 5",
}


class Row(NamedTuple):
    """A line of the file."""

    stay: str
    time: datetime
    category: str
    value: float


@dataclass(frozen=True)
class Outcome:
    """What the two tables must hold: rows of ``REGISTRO`` and of ``QUARANTINE``."""

    registro: Counter
    quarantine: Counter


def table_files():
    """The excerpt, and the whole table if the environment names one."""
    files = [pytest.param(EXCERPT, id="excerpt")]
    if whole := os.environ.get("VITALS_CLIF_TABLE"):
        files.append(pytest.param(Path(whole), id="whole"))
    return files


@pytest.fixture(params=table_files())
def table(request):
    return request.param


def rows_of(path):
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            records = list(csv.DictReader(file))
        for record in records:
            record["recorded_dttm"] = datetime.fromisoformat(record["recorded_dttm"])
    else:
        records = pq.read_table(path).to_pylist()
    return [
        Row(
            record["hospitalization_id"],
            record["recorded_dttm"],
            record["vital_category"],
            float(record["vital_value"]),
        )
        for record in records
    ]


def expected_now(rows, shift_ms):
    """Plausible rows are in registro, the later one of an instant; all others in quarantine."""
    registro, quarantine = {}, Counter()
    pressures = defaultdict(list)
    for row in rows:
        pressures[row.stay, row.time, row.category].append(row.value)
    for row in rows:
        moment = stored_time(row.time, shift_ms)
        reason = reason_of(row, pressures)
        if reason is None:
            code, part, _ = ACCEPTED[row.category]
            value = Decimal(repr(row.value)).quantize(Decimal("0.001"), ROUND_HALF_UP)
            registro[row.stay, code, part or "valor", moment] = value
        else:
            quarantine[quarantine_row(row, moment, reason)] += 1
    return Outcome(Counter((*key, value) for key, value in registro.items()), quarantine)


def reason_of(row, pressures):
    if row.category not in ACCEPTED:
        return "unknown_sensor"
    if not ACCEPTED[row.category][2](Decimal(repr(row.value))):
        return "out_of_range"
    if row.category == "sbp":
        diastolic = pressures.get((row.stay, row.time, "dbp"), ())
        return "pressure_inverted" if any(row.value <= value for value in diastolic) else None
    if row.category == "dbp":
        systolic = pressures.get((row.stay, row.time, "sbp"), ())
        return "pressure_inverted" if any(value <= row.value for value in systolic) else None
    return None


def expected_original(rows):
    """Years after 2110: every reading of a known sensor is in the future."""
    quarantine = Counter(
        quarantine_row(
            row,
            stored_time(row.time, 0),
            "future_timestamp" if row.category in ACCEPTED else "unknown_sensor",
        )
        for row in rows
    )
    return Outcome(Counter(), quarantine)


def quarantine_row(row, moment, reason):
    sensor, part, _ = ACCEPTED.get(row.category, (row.category, None, None))
    return row.stay, sensor, part, moment, row.value, reason


def stored_time(moment, shift_ms):
    return (EPOCH + ((moment - EPOCH) // MILLISECOND + shift_ms) * MILLISECOND).replace(tzinfo=None)


def replay(pipeline, path, *options):
    """Runs the command until it exits; returns how many batches it published."""
    words = ("replay", path, "--register", *options)
    ended = run_module("producer", *words, environment=pipeline.environment, seconds=None)
    assert ended.returncode == 0, ended.stderr
    assert " 0 unreadable rows" in ended.stdout
    return int(re.search(r"published in (\d+) batches", ended.stdout)[1])


def remembered_shift(pipeline, path):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return json.loads((pipeline.output / "raw" / "replays" / f"{digest}.json").read_text())[
        "shift_ms"
    ]


def assert_holds(pipeline, expected):
    assert_same("registro", pipeline.rows(REGISTRO), expected.registro)
    assert_same("quarentena", pipeline.rows(QUARANTINE), expected.quarantine)


def assert_same(name, rows, expected):
    """Equal as multisets; a difference shows its first rows, not the whole table."""
    found = Counter(rows)
    missing, unexpected = expected - found, found - expected
    assert (missing.total(), unexpected.total()) == (0, 0), (
        f"{name} lacks {list(missing)[:5]} and has {list(unexpected)[:5]}"
    )


def everything(pipeline):
    return {name: pipeline.rows(sql) for name, sql in EVERYTHING.items()}


def assert_unchanged(pipeline, before):
    for name, rows in everything(pipeline).items():
        assert_same(name, rows, Counter(before[name]))


def assert_proved(pipeline, rows):
    proof = prove(pipeline.kafka, pipeline.database, pipeline.output)
    assert proof.is_proved, proof.findings
    assert proof.produced == proof.accepted + proof.quarantined == len(rows)


def test_every_row_of_a_real_table_has_its_outcome_once(pipeline, table):
    """Then the same file again, and again for a new consumer: no row in any table changes."""
    rows = rows_of(table)
    with pipeline.warm_consumer():
        batches = replay(pipeline, table, "--start", "now")
        pipeline.wait_for_messages(batches, seconds=180)
        expected = expected_now(rows, remembered_shift(pipeline, table))
        assert_holds(pipeline, expected)
        assert_proved(pipeline, rows)
        before = everything(pipeline)
        assert replay(pipeline, table, "--start", "now") == batches
        pipeline.wait_for_messages(2 * batches, seconds=180)
        assert_unchanged(pipeline, before)
    with pipeline.warm_consumer():
        assert replay(pipeline, table, "--start", "now") == batches
        pipeline.wait_for_messages(3 * batches, seconds=180)
    assert_unchanged(pipeline, before)
    assert_proved(pipeline, rows)


def test_at_its_original_time_a_table_from_the_future_is_quarantined_whole(pipeline, table):
    """CLIF moves its dates to the years after 2110: none of them may reach registro."""
    rows = rows_of(table)
    assert min(row.time for row in rows) > datetime(2110, 1, 1, tzinfo=UTC)
    with pipeline.warm_consumer():
        pipeline.wait_for_messages(replay(pipeline, table, "--start", "original"), seconds=180)
    assert_holds(pipeline, expected_original(rows))
    assert_proved(pipeline, rows)
