"""A pipeline that has run, for tests that compare what it left."""

import pytest
import structlog

from tests.reconciled import LACKING, World
from tests.unit.watched import new_ward


@pytest.fixture(autouse=True)
def own_logs():
    """A command under test sets up logging for its own output, which is closed after it."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def done(world):
    """One batch, archived and processed, with one reading in quarantine."""
    world.archive(LACKING)
    world.take(LACKING, rejected=[(LACKING.batch_id, 0, 0)])
    return world


@pytest.fixture
def ward():
    """Two patients who wear everything."""
    return new_ward()
