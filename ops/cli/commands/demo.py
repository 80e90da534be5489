"""``vitals demo``: a minute of readings on fresh folders, then the proof that all arrived once."""

import math
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from common.output import say
from common.times import iso_of_ms
from ops.cli.commands import reconcile
from ops.cli.commands.up import up
from ops.stack.environments import Plan
from ops.stack.invocation import Invocation
from ops.stack.pipeline import Pipeline
from schemas.cleaning.times import FIRST_TIME_MS, LAST_TIME_MS
from schemas.files.raw import batches_in

if TYPE_CHECKING:
    from ops.reconcile.proof import Proof

_FAULT_SHARE = 0.01


def demo(invocation: Invocation, *, seconds: float, patients: int, producers: int) -> int:
    """Runs the pipeline in a folder of its own, then proves it: the exit code of `vitals reconcile`.

    The user's own data is not touched: the demo's folder is ``demo`` in VITALS_HOME, and it holds
    the output as well. It is emptied at the start and kept at the end.
    """
    own = _in_its_own_folder(invocation)
    output = own.settings.output_dir
    proofs: list[Proof] = []

    def prove(pipeline: Pipeline) -> None:
        say("comparing what was produced with what arrived")
        proofs.append(reconcile.prove(pipeline.kafka(), pipeline.database(), output, say))

    plan = Plan(producers=producers, patients=patients, fresh=True, has_monitor=True)
    up(own, plan, for_seconds=seconds, when_drained=prove)
    if not proofs:
        return 130
    say(f"files, logs and data of this run: {own.settings.home}")
    # its last line is the proof; the rest goes to standard error, for people
    code = reconcile.show(proofs[0], as_json=False)
    for line in next_steps(own.settings.home, output, own.settings.cache):
        say(line)
    return code


def _in_its_own_folder(invocation: Invocation) -> Invocation:
    settings = invocation.settings
    home = settings.home / "demo"
    changes = {
        "vitals_home": home,
        "vitals_cache": settings.cache,
        "output_dir": home / "output",
        "fault_share": _FAULT_SHARE,
    }
    return replace(invocation, settings=settings.model_copy(update=changes))


def next_steps(home: Path, output: Path, cache: Path) -> Iterator[str]:
    """What to do after it, as commands to copy; ``home``, ``output`` and ``cache`` are its folders."""
    vitals = _program()
    places = f"VITALS_HOME={_path(home)} OUTPUT_DIR={_path(output)}"
    yield "next:"
    yield f"  {vitals} up"
    yield "      your own pipeline until Ctrl-C; it prints the address of the monitor page"
    question = _question(output / "raw")
    if question is not None:
        yield f"  {places} VITALS_CACHE={_path(cache)} {vitals} up --producers 0"
        yield "      the pipeline of this run again; then, in a second terminal, the story of a reading:"
        yield f"  {places} {vitals} explain {shlex.join(question)}"
    yield "  docs/start/index.md"
    yield "      where to go on"


def _question(raw: Path) -> tuple[str, str, str] | None:
    """Patient, sensor and time of a reading from the first archived file; None without one."""
    for batch in batches_in(sorted(raw.glob("date=*/*.jsonl"))):
        for series in batch.series:
            # the demo breaks some readings on purpose, including their times
            is_plain = series.component is None and FIRST_TIME_MS <= series.start <= LAST_TIME_MS
            if is_plain and series.values and math.isfinite(series.values[0]):
                return batch.patient_id, series.sensor, iso_of_ms(series.start)
    return None


def _program() -> str:
    """`vitals` as this shell finds it."""
    if shutil.which("vitals"):
        return "vitals"
    program = Path(sys.argv[0])
    if program.name == "vitals":
        return _path(program.absolute())
    # the environment's own script starts it as a module
    program = Path(sys.executable).with_name("vitals")
    return _path(program) if program.exists() else "python -m ops"


def _path(path: Path) -> str:
    """Relative if it is below the current folder."""
    here = Path.cwd()
    return shlex.quote(os.fspath(path.relative_to(here) if path.is_relative_to(here) else path))
