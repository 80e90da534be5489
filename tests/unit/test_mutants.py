"""The mutants of `make mutants` apply to today's code."""

import shutil

import pytest

from ops.storm.faults import KINDS
from tests.mutation.__main__ import MUTANTS, REPOSITORY, apply


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_change_applies(mutant, tmp_path):
    for change in mutant.changes:
        target = tmp_path / change.file
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy(REPOSITORY / change.file, target)
        before = target.read_text()
        apply(change, tmp_path)
        assert target.read_text() != before
    assert set(mutant.faults.split(",")) <= set(KINDS)
