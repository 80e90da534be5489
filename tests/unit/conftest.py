"""A pipeline that has run, for tests that compare what it left."""

import pytest

from tests.reconciled import BATCH, World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def done(world):
    """One batch, archived and processed, with one reading in quarantine."""
    world.archive(BATCH)
    world.take(BATCH, rejected=[(BATCH.batch_id, 0, 0)])
    return world
