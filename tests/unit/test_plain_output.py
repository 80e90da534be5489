"""Whatever an id, a name or an argument holds, no command and no log prints it as a control."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.core import TyperGroup

from common.errors import BadInputError
from common.output import plain, put_json, put_line, say_error
from ops.__main__ import app, main
from ops.look.live_view import LiveView
from ops.tables import folding
from tests.hostile import HOSTILE, LONE_SURROGATE, left_over

ROOT = Path(__file__).parents[2]
EVIL = "".join(HOSTILE).replace("\x00", "")
# the one home of each way to print
HOMES = {
    *("common/output.py", "common/log.py", "ops/tables.py", "ops/cli/foreign.py"),
    "ops/look/live_view.py",
    *("ops/reference/__main__.py", "schemas/__main__.py"),  # pages of our own text
    *("producer/simulation/sample.py", "producer/__main__.py"),  # simulated patients
}
PRINTS = re.compile(r"\bprint\(|sys\.std(out|err)\b|\becho\(|\.console\.print\(|\bConsole\(\)")
LOGGED = """
import logging, structlog, sys
from common.log import configure
from common.settings import LogSettings
configure(LogSettings(log_format={form!r}), service="consumer")
evil = {evil!r}
structlog.get_logger().warning(evil, patient=evil, listed=[evil], error=ValueError(evil))
logging.getLogger("kafka").warning("broker %s is away", evil)
try:
    raise ValueError(evil)
except ValueError:
    structlog.get_logger().exception("failed", why=evil)
raise RuntimeError(evil)
"""


def commands(group, path=()):
    """Every command with its parameters."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, (*path, name))
        else:
            yield pytest.param((*path, name), command.params, id=" ".join((*path, name)))


@pytest.mark.parametrize(("path", "params"), list(commands(typer.main.get_command(app))))
def test_no_command_prints_the_controls_of_its_arguments(
    path, params, monkeypatch, tmp_path, capfd
):
    """Each option and argument in turn is hostile, and so is one too many."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VITALS_HOME", str(tmp_path / "home"))
    options = [param.opts[0] for param in params if param.opts[0].startswith("--")]
    lines = [[option, EVIL] for option in options if option != "--help"]
    wanted = [EVIL for param in params if param.param_type_name == "argument"]
    for line in (*lines, [f"--{EVIL}"], [*wanted, EVIL]):
        monkeypatch.setattr(sys, "argv", ["vitals", *path, *line])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code
    out, err = capfd.readouterr()
    assert err
    assert left_over(out + err) == set()


@pytest.mark.parametrize("text", [*HOSTILE, LONE_SURROGATE])
def test_a_line_stays_one_line_and_shows_what_it_hides(text, capsys):
    put_line(f"patient {text}")
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert left_over(printed) == set()
    assert "bed" in printed


def test_printable_text_of_any_language_is_left_alone():
    for text in ("joão", "Zoë", "患者7", "😀", "a[b]c", "Frequência Cardíaca"):
        assert plain(text) == text


@given(st.text(st.characters()), st.sampled_from([None, 2]))
def test_a_json_document_parses_to_what_it_was_made_of(text, indent):
    with io.StringIO() as kept, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", kept)
        put_json({"patient": text, text: [text]}, indent=indent)
        printed = kept.getvalue()
    assert json.loads(printed) == {"patient": text, text: [text]}
    assert left_over(printed) == set()


def test_a_terminal_without_the_characters_gets_their_escapes(monkeypatch):
    kept = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(kept, encoding="ascii"))
    put_json({"patient": "joão 😀"})
    assert json.loads(kept.getvalue()) == {"patient": "joão 😀"}


@pytest.mark.parametrize("is_terminal", [False, True])
def test_tables_and_the_live_view_are_plain_in_a_terminal_too(is_terminal):
    console = Console(file=io.StringIO(), width=400, force_terminal=is_terminal)
    table = folding("patient", title="entries")
    for text in (*HOSTILE, LONE_SURROGATE):
        table.add_row(text)
        LiveView(console).say(text)
    console.print(table)
    printed = console.file.getvalue()
    assert left_over(printed, is_terminal=is_terminal) == set()
    assert printed.count("bed[/nonsense][red]") == 2
    assert not re.search("^PROVED", printed, re.MULTILINE)


@pytest.mark.parametrize("text", [*HOSTILE, LONE_SURROGATE])
def test_an_error_keeps_its_own_lines_and_escapes_those_of_a_name(text, capsys):
    say_error(BadInputError(f"cannot read {text}:\n    its log", hint=f"rename {text}"))
    printed = capsys.readouterr().err
    assert [line[:8] for line in printed.splitlines()] == ["error: c", "    its ", "  -> ren"]
    assert left_over(printed) == set()


@pytest.mark.parametrize("form", ["json", "console"])
def test_logs_and_tracebacks_hold_no_controls(form):
    program = LOGGED.format(form=form, evil=EVIL + LONE_SURROGATE)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "RuntimeError" in done.stderr
    assert left_over(done.stderr) == set()
    assert "╭" not in done.stderr  # drawn with local variables


def test_nothing_prints_past_the_one_place():
    sources = (
        path
        for name in ("common", "schemas", "db", "producer", "consumer", "ops")
        for path in (ROOT / name).rglob("*.py")
    )
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sources
        if path.relative_to(ROOT).as_posix() not in HOMES
        for line in path.read_text(encoding="utf-8").splitlines()
        if PRINTS.search(line) and "stderr.strip()" not in line
    }
    assert found == set()
