"""Asks `vitals` for JSON, as a script does, about a test's own pipeline."""

import json
import subprocess
import sys

from tests.json_times import assert_times
from tests.services.pipeline import REPOSITORY


def asked(pipeline, *words, **environment):
    """Exit code and document of ``vitals WORDS --json``."""
    ended = run(pipeline, *words, "--json", **environment)
    assert ended.stdout, ended.stderr
    document = json.loads(ended.stdout)
    assert_times(document)
    return ended.returncode, document


def run(pipeline, *words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "ops", *map(str, words)],
        env=pipeline.environment | environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
