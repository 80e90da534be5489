"""``python -m db`` without a server: it says what is missing, or what it would do."""

import pytest

from db.schema.migrate import migrations
from schemas.catalogue import sensors
from tests.db_command import db

NOWHERE = {"DB_HOST": "127.0.0.1", "DB_PORT": "1", "DB_USER": "u", "DB_PASSWORD": "p"}


@pytest.mark.parametrize("command", ["migrate", "seed"])
def test_missing_settings_are_all_named(command):
    result = db(command)
    assert result.returncode == 2
    assert all(name in result.stderr for name in ("DB_HOST", "DB_USER", "DB_PASSWORD"))
    assert "Traceback" not in result.stderr


def test_a_missing_server_names_its_address_and_settings():
    result = db("seed", **NOWHERE)
    assert result.returncode == 3
    assert "127.0.0.1:1" in result.stderr
    assert "DB_HOST and DB_PORT" in result.stderr


@pytest.mark.parametrize("variables", [{}, NOWHERE])
def test_dry_run_of_migrate_lists_all_files(variables):
    result = db("migrate", "--dry-run", **variables)
    assert result.returncode == 0
    assert all(migration.label in result.stdout for migration in migrations())


def test_dry_run_of_seed_counts_what_it_would_add():
    result = db("seed", "--patients", "250", "--dry-run")
    assert result.returncode == 0
    assert "demo-000250" in result.stdout
    assert f"{250 * len(sensors())} mappings" in result.stdout
