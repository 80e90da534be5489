"""The CI workflow and the pre-commit hooks run what everybody runs."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
WORKFLOW = (REPOSITORY / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
HOOKS = (REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8")
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
CI = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")


def test_workflow_runs_the_script_that_everybody_can_run():
    assert re.findall(r"run: (.*)", WORKFLOW) == ["bash .ci/run"]
    assert not re.search(r"https?://", WORKFLOW)


def test_script_runs_checks_docs_and_tests():
    steps = re.findall(r"^ *(?:[A-Z_]+=\S+ )*make ([a-z-]+)", CI, re.MULTILINE)
    assert steps[:2] == ["check", "docs"]
    assert {"test", "compose-test"} <= set(steps)
    assert ".venv/bin/python -m ops.supply.audit || [ $? -eq 3 ]" in CI


def test_every_hook_is_a_step_of_make_check():
    check = re.search(r"^check:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)[1]
    for entry in re.findall(r"entry: \.venv/bin/(.*)", HOOKS):
        tool = entry.split()[0]
        if tool == "python":
            assert entry.split()[-1].startswith("tests/unit/"), entry
        else:
            assert f"/{tool}" in check, entry


def test_hooks_come_from_the_locked_environment_alone():
    assert re.findall(r"- repo: (.*)", HOOKS) == ["local"]
    for path in re.findall(r"tests/unit/\w+\.py", HOOKS):
        assert (REPOSITORY / path).is_file()


def test_make_lists_every_target_that_a_person_may_want():
    groups = re.split(r"^##@ (.*)\n", MAKEFILE, flags=re.MULTILINE)
    targets = {
        title: re.findall(r"^([a-z-]+):.*## ", body, re.MULTILINE)
        for title, body in zip(groups[1::2], groups[2::2], strict=True)
    }
    assert targets == {
        "Run": ["demo", "up", "down"],
        "Prove": ["test", "mutants", "compose-test", "bench"],
        "Develop": ["check", "audit", "digests", "locks"],
        "Docs": ["docs", "docs-serve"],
    }
