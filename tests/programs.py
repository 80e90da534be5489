"""The programs of this repository, each as a process of its own."""

import subprocess
import sys

from tests.documents import REPOSITORY


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
