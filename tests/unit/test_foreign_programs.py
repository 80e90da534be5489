"""Programs of others in this terminal: whatever they print and wherever it goes, they come to their end."""

import os
import subprocess
import sys
from pathlib import Path

from tests.documents import REPOSITORY

RUNS = """
import sys
from ops.cli.foreign import run_plainly
sys.exit(run_plainly([sys.executable, "-c", sys.argv[1]]))
"""
# more than a pipe holds
PRINTS = "import sys; sys.stdout.buffer.write({!r} * {}); sys.exit(3)"
LINES = 20_000


def run(program, stdout=subprocess.PIPE, **environment):
    return subprocess.run(
        [sys.executable, "-c", RUNS, program],
        env=os.environ | environment,
        cwd=REPOSITORY,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )


def test_what_a_terminal_cannot_write_is_escaped_and_the_program_goes_on():
    """It waited for ever for somebody to take its next line."""
    program = PRINTS.format("joão 患者\n".encode(), LINES)
    done = run(program, PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stderr) == (3, b"")
    lines = done.stdout.decode("latin-1").splitlines()
    assert (len(lines), set(lines)) == (LINES, {r"jo\u00e3o \u60a3\u8005"})


def test_where_it_can_be_written_it_stays():
    done = run(PRINTS.format("joão 患者\n".encode(), 1), PYTHONIOENCODING="utf-8")
    assert (done.returncode, done.stdout.decode()) == (3, "joão 患者\n")


def test_a_character_that_is_cut_off_at_the_end_is_shown():
    done = run(PRINTS.format(b"a\xc3", 1))
    assert (done.returncode, done.stdout) == (3, rb"a\xc3")


def test_a_program_whose_output_cannot_be_written_ends():
    with Path("/dev/full").open("wb") as full:
        assert run(PRINTS.format(b"a line\n", LINES), stdout=full).returncode != 0
