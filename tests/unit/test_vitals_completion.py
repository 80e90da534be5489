"""The shell completes commands, options and known names."""

import os

import pytest

from tests.programs import run_module


def vitals(*words, **environment):
    return run_module("ops", *words, environment=os.environ | environment)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("vitals rec", {"reconcile"}),
        ("vitals quarantine ", {"list", "stats", "show", "discard", "resend"}),
        ("vitals --compose quarantine list --reason miss", {"missing"}),
        ("vitals explain p-1 gli", {"glicose"}),
        ("vitals kafka cons", {"console-consumer", "console-producer", "consumer-groups"}),
        ("vitals prove --faults poison,kill-w", {"poison,kill-worker"}),
        ("vitals quarantine list --state des", {"descartada"}),
    ],
)
def test_what_is_typed_is_completed_without_any_stack(typed, offered, tmp_path):
    completed = vitals(
        VITALS_HOME=str(tmp_path),
        _VITALS_COMPLETE="complete_bash",
        COMP_WORDS=typed,
        COMP_CWORD=str(typed.count(" ")),
    )
    assert completed.returncode == 0
    assert completed.stderr == ""
    assert offered <= set(completed.stdout.split())


def test_the_script_is_installed_for_the_name_of_the_command(tmp_path):
    shown = vitals(
        "--show-completion",
        "bash",
        HOME=str(tmp_path),
        _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1",
    )
    assert shown.returncode == 0
    assert "_VITALS_COMPLETE" in shown.stdout
    assert shown.stdout.strip().endswith("vitals")
    installed = vitals(
        "--install-completion",
        "bash",
        HOME=str(tmp_path),
        _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1",
    )
    assert installed.returncode == 0
    assert (tmp_path / ".bash_completions" / "vitals.sh").is_file()
