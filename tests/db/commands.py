"""``vitals`` as a process of its own, on the database of a test."""

import os

from tests.programs import database_names, run_module


def vitals(settings, *words):
    """The command's exit code and what it prints."""
    everything = os.environ | database_names(settings) | {"COLUMNS": "200"}
    done = run_module("ops", *words, environment=everything, seconds=None)
    return done.returncode, done.stdout + done.stderr
