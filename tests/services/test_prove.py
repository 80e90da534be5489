"""A minute of the storm: everything keeps breaking, and nothing is lost or doubled."""

import json
import os

from tests.programs import run_module

SEED = os.environ.get("VITALS_TEST_SEEDS", "1").split(",")[0]


def test_a_minute_of_the_storm_loses_and_doubles_nothing(jars, class_archive, tmp_path):
    environment = {**os.environ, "VITALS_HOME": str(tmp_path), "VITALS_CACHE": str(jars.parent)}
    words = ("prove", "--minutes", "1", "--seed", SEED, "--json")
    done = run_module("ops", *words, environment=environment, seconds=None)
    assert done.stdout, done.stderr[-5000:]
    proof = json.loads(done.stdout)
    print(json.dumps(proof, indent=2))
    assert proof["findings"] == []
    assert done.returncode == 0
    assert proof["seed"] == int(SEED)
    assert proof["faults_fired"] >= 5
    assert proof["kinds_fired"] >= 5
    assert proof["accepted"] + proof["quarantined"] == proof["archived"] == proof["produced"]
    assert proof["trusted"] == proof["accepted"] == proof["registro"] + proof["superseded"]
