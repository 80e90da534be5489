"""`vitals` cuts nothing off: in a narrow terminal, in a pipe, and after the demo."""

import io
import os
import shlex
import sys
from pathlib import Path

import pytest
from rich.console import Console

from db.read.quarantine_desk import QuarantineEntry
from ops.cli.commands import quarantine
from ops.cli.commands.demo import next_steps
from ops.cli.commands.status import table_of
from ops.tables import folding, put_table
from producer.delivery.archive import RawArchive
from tests.builders import NOW, batch, series
from tests.unit.test_pipeline_health import WELL

PATIENT = "patient-" + "0123456789" * 5
ENTRY = QuarantineEntry(
    *("sensor-batches", 11, 123_456_789, 17, 1234, "refused_by_database", None, PATIENT),
    *("frequencia_cardiaca", None, "bpm", 1e300, None, None, "aberta"),
)


def printed(table, width):
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    return console.file.getvalue()


def in_cells(text):
    """For each column its cells, with folded lines joined."""
    lines = [line.strip("│┃").split("│") for line in text.splitlines() if line.startswith("│")]
    return ["".join(cell.strip() for cell in column) for column in zip(*lines, strict=True)]


@pytest.mark.parametrize("width", [40, 80])
def test_a_narrow_terminal_folds_ids_places_and_reasons(width):
    table = quarantine.table_of([ENTRY], total=1)
    text = printed(table, width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    cells = in_cells(text)
    assert cells[0].endswith("refused_by_database")
    assert cells[1].endswith(PATIENT)
    assert cells[5].endswith("11@123456789/17.1234")


def test_the_partitions_are_whole_in_eighty_columns():
    assert "…" not in printed(table_of(WELL), 80)


def test_brackets_in_an_id_are_not_markup():
    odd = QuarantineEntry(
        *[getattr(ENTRY, name) for name in ENTRY.__slots__[:7]],
        "[red]p[/red]",
        *[getattr(ENTRY, name) for name in ENTRY.__slots__[8:]],
    )
    assert "[red]p[/red]" in printed(quarantine.table_of([odd], total=1), 200)


def test_a_pipe_gets_each_row_on_one_line(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    put_table(quarantine.table_of([ENTRY], total=1))
    lines = capsys.readouterr().out.splitlines()
    [row] = [line for line in lines if PATIENT in line]
    assert "refused_by_database" in row
    assert "11@123456789/17.1234" in row
    assert all(len(line) < 300 for line in lines)


def test_a_table_without_columns_has_no_head():
    assert folding().show_header is False


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """The folders that a demo leaves, in the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(tmp_path / ".venv" / "bin" / "vitals")])
    home = tmp_path / ".vitals" / "demo"
    return home, home / "output", tmp_path / ".vitals" / "cache"


def archive(output_folder, *batches):
    raw = RawArchive(output_folder / "raw", "p1")
    raw.claim()
    raw.finish(raw.write(NOW, list(batches)))
    raw.release()


def test_the_demo_ends_with_commands_that_can_be_typed(demo):
    """With a reading of that run: neither a gap nor one with a deliberately wrong time."""
    strange = series("glicose", [1.0], start=2**60)
    missing = series("umidade_pele", [float("nan")])
    archive(demo[1], batch(strange, missing, series("temperatura_corporal", [36.5])))
    lines = list(next_steps(*demo))
    assert lines[0] == "next:"
    assert "  .venv/bin/vitals up" in lines
    assert any("monitor page" in line for line in lines)
    places = "VITALS_HOME=.vitals/demo OUTPUT_DIR=.vitals/demo/output"
    asked = "demo-000001 temperatura_corporal 2026-09-21T14:13:20.000Z"
    assert f"  {places} .venv/bin/vitals explain {asked}" in lines
    assert "  docs/start/index.md" in lines


def test_a_run_without_readings_suggests_no_reading(demo):
    assert not any("explain" in line for line in next_steps(*demo))


def test_folders_elsewhere_are_named_whole_and_quoted(demo, tmp_path, monkeypatch):
    (tmp_path / "vitals").touch(mode=0o755)
    archive(demo[1], batch(series()))
    (tmp_path / "else where").mkdir()
    monkeypatch.chdir(tmp_path / "else where")
    home = tmp_path / "a home"
    [line] = [line for line in next_steps(home, *demo[1:]) if "explain" in line]
    words = shlex.split(line)
    assert words[0] == f"VITALS_HOME={os.fspath(home)}"
    assert words[2:4] == ["vitals", "explain"]
    assert Path(words[1].removeprefix("OUTPUT_DIR=")) == demo[1]
