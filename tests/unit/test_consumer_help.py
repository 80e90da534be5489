"""`python -m consumer` explains itself before it asks for settings."""

from tests.documents import REPOSITORY
from tests.programs import run_module


def consumer(*words):
    return run_module("consumer", *words, environment={})


def test_help_says_what_it_does_and_where_its_settings_are():
    done = consumer("--help")
    assert (done.returncode, done.stderr) == (0, "")
    [page] = [word for word in done.stdout.split() if word.startswith("docs/")]
    assert (REPOSITORY / page).is_file()


def test_an_argument_is_refused_and_not_repeated():
    done = consumer("\x1b[2J")
    assert done.returncode == 2
    assert "it takes no arguments" in done.stderr
    assert "\x1b" not in done.stderr
