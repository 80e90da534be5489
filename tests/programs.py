"""The programs of this repository, each as a process of its own."""

import os
import subprocess
import sys

from tests.documents import REPOSITORY

# what an optimising compiler does for a JVM that lives for a minute costs more than it gives back
FRUGAL_JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
FRUGAL_BROKERS = {"KAFKA_JVM_PERFORMANCE_OPTS": FRUGAL_JVM}
_OF_A_STACK = ("KAFKA_", "DB_", "VITALS_", "OUTPUT_", "METRICS_")


def inherited(*prefixes):
    """This process's environment without what leads to another stack, or begins with one of the prefixes."""
    left_out = (*_OF_A_STACK, *prefixes)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return kept | FRUGAL_BROKERS


def database_names(settings):
    """The variables that lead a program to this database, the password as a value."""
    names = settings.model_dump(exclude={"db_password"}, exclude_none=True)
    password = {"DB_PASSWORD": settings.db_password.get_secret_value()}
    return password | {name.upper(): str(value) for name, value in names.items()}


def run_module(module, *words, environment, seconds=180):
    """``python -m MODULE WORDS`` to its end: exit code, stdout and stderr. Raises if it takes longer."""
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
