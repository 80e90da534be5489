"""A pipeline that has run, for tests that compare what it left."""

import pytest

from tests.reconciled import LACKING, World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def done(world):
    """One batch, archived and processed, with one reading in quarantine."""
    world.archive(LACKING)
    world.take(LACKING, rejected=[(LACKING.batch_id, 0, 0)])
    return world
