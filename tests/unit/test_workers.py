"""Tests in parallel: none is lost, and measurements have the machine to themselves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers import scope_of

REPOSITORY = Path(__file__).parents[2]
CONFTEST = """
import json, os, time
import pytest
from tests.workers import (
    pytest_collection_modifyitems, pytest_configure_node, pytest_xdist_make_scheduler,
)

def note(what, began):
    with open("noted", "a") as file:
        file.write(json.dumps([what, began, time.time()]) + "\\n")

@pytest.fixture(scope="session", autouse=True)
def stack():
    began = time.time()
    yield
    time.sleep(0.3)
    note("stack", began)

@pytest.fixture(scope="module")
def world():
    note("world", 0)

@pytest.fixture(autouse=True)
def noted(request):
    began = time.time()
    yield
    time.sleep(0.1)
    note(request.node.name, began)
"""
TESTS = """
import pytest

@pytest.mark.alone
def test_measures(): pass

@pytest.mark.alone
def test_measures_too(): pass

@pytest.mark.parametrize("number", range(6))
def test_waits(number): pass
"""


SHARING = """
import json
import pytest

@pytest.fixture(scope="module")
def shared():
    with open("noted", "a") as file:
        file.write(json.dumps(["shared", 0, 0]) + "\\n")

@pytest.mark.parametrize("number", range(6))
def test_shares(number, shared): pass
"""

OF_THE_BROWSER = """
import pytest

@pytest.fixture(scope="module")
def changed(world): pass

@pytest.mark.parametrize("number", range(3))
def test_changes(number, changed): pass

@pytest.mark.parametrize("number", range(3))
def test_looks(number, world): pass
"""


@pytest.fixture
def noted(tmp_path):
    """What three workers did: name, begin and end of each test and of each worker's stack."""
    folder = tmp_path / "tests" / "services"
    folder.mkdir(parents=True)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    alone: x\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (folder / "test_some.py").write_text(TESTS)
    (folder / "test_sharing.py").write_text(SHARING)
    browser = tmp_path / "tests" / "browser"
    browser.mkdir()
    (browser / "test_page.py").write_text(OF_THE_BROWSER)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            "3",
            "--dist",
            "loadscope",
            "-p",
            "no:cacheprovider",
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in (tmp_path / "noted").read_text().splitlines()]


def test_what_runs_alone_begins_after_the_other_workers_and_their_stacks_are_gone(noted):
    tests = {name: (began, ended) for name, began, ended in noted if name.startswith("test_")}
    assert len(tests) == 20
    measuring = [tests.pop(name) for name in ("test_measures", "test_measures_too")]
    first = min(began for began, _ in measuring)
    assert max(ended for _, ended in tests.values()) <= first
    stacks = sorted(ended for name, _, ended in noted if name == "stack")
    assert [ended < first for ended in stacks] == [True, True, False]


def test_what_a_file_shares_is_made_once(noted):
    names = [name for name, *_ in noted]
    assert (names.count("shared"), names.count("world")) == (1, 1)


@pytest.mark.parametrize(
    ("nodeid", "scope"),
    [
        ("tests/browser/test_page.py::test_a[x]", "tests/browser"),
        ("tests/services/test_repair.py::test_a", "tests/services/test_repair.py::test_a"),
        ("tests/db/test_ledger.py::test_a", "tests/db/test_ledger.py"),
    ],
)
def test_tests_that_share_a_slow_start_stay_together(nodeid, scope):
    assert scope_of(nodeid) == scope
