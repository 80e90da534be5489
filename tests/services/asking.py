"""`vitals` as a process of its own, about a test's pipeline."""

import json
import subprocess
import sys

from tests.json_times import assert_times
from tests.services.pipeline import REPOSITORY


def asked(pipeline, *words, **environment):
    """Exit code and document of ``vitals WORDS --json``."""
    ended = vitals(pipeline, *words, "--json", **environment)
    assert ended.stdout, ended.stderr
    document = json.loads(ended.stdout)
    assert_times(document)
    return ended.returncode, document


def vitals(pipeline, *words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "ops", *map(str, words)],
        env=pipeline.environment | environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
