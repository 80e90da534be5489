"""``vitals`` as a process of its own, on the database of a test."""

import os

from tests.programs import run_module


def vitals(settings, *words):
    """The command's exit code and what it prints."""
    names = settings.model_dump(exclude={"db_password"}, exclude_none=True)
    environment = {name.upper(): str(value) for name, value in names.items()}
    environment["DB_PASSWORD"] = settings.db_password.get_secret_value()
    everything = os.environ | environment | {"COLUMNS": "200"}
    done = run_module("ops", *words, environment=everything, seconds=None)
    return done.returncode, done.stdout + done.stderr
