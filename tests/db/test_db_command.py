"""``python -m db`` as a person starts it."""

import pytest

from db.schema.migrate import migrations
from schemas.catalogue import sensors
from tests.db_command import db
from tests.programs import database_names


@pytest.fixture
def variables(settings):
    return database_names(settings)


def test_migrate_and_seed_make_a_working_database_and_may_be_repeated(variables):
    assert f"{len(migrations())} applied" in db("migrate", **variables).stdout
    assert "0 applied" in db("migrate", **variables).stdout
    added = f"added 3 patients and {3 * len(sensors())} mappings"
    assert added in db("seed", "--patients", "3", **variables).stdout
    assert "added 0 patients and 0 mappings" in db("seed", "--patients", "3", **variables).stdout


def test_seeding_before_migrating_says_what_to_do(variables):
    result = db("seed", **variables)
    assert result.returncode == 2
    assert "python -m db migrate" in result.stderr
    assert "Traceback" not in result.stderr


def test_dry_run_of_migrate_changes_nothing(variables):
    for _ in range(2):
        result = db("migrate", "--dry-run", **variables)
        assert result.returncode == 0
        assert all(migration.label in result.stdout for migration in migrations())
    db("migrate", **variables)
    assert "nothing to apply" in db("migrate", "--dry-run", **variables).stdout
