"""`vitals` as a process of its own, about a test's pipeline."""

import json

from tests.json_times import assert_times
from tests.programs import run_module


def asked(pipeline, *words, **environment):
    """Exit code and document of ``vitals WORDS --json``."""
    ended = vitals(pipeline, *words, "--json", **environment)
    assert ended.stdout, ended.stderr
    document = json.loads(ended.stdout)
    assert_times(document)
    return ended.returncode, document


def vitals(pipeline, *words, **environment):
    return run_module("ops", *words, environment=pipeline.environment | environment)
