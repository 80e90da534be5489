"""``python -m db`` as a process of its own, with no address but the given one."""

import os

from tests.programs import run_module


def db(*arguments, **variables):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DB_")}
    return run_module("db", *arguments, environment=kept | variables)
