"""`db/read` keeps its word: whoever may only read can run all of it, and finds no lock there."""

import re
from pathlib import Path

import pytest

DB = Path(__file__).parents[2] / "db"
WRITES = re.compile(r"\b(?:INSERT INTO|REPLACE INTO|DELETE FROM|UPDATE \w+ SET|FOR UPDATE)\b")


@pytest.mark.parametrize("path", sorted((DB / "read").glob("*.py")), ids=lambda path: path.stem)
def test_a_statement_of_db_read_only_reads(path):
    assert WRITES.findall(path.read_text("utf-8")) == []


def test_a_statement_that_writes_is_recognized():
    assert WRITES.findall((DB / "mend" / "discard.py").read_text("utf-8"))
