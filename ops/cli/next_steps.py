"""What to do after the demo, as commands to copy."""

import math
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from common.times import iso_of_ms
from schemas.cleaning.times import FIRST_TIME_MS, LAST_TIME_MS
from schemas.files.raw import batches_in


def next_steps(home: Path, output: Path, cache: Path) -> Iterator[str]:
    """The lines; ``home``, ``output`` and ``cache`` are the folders of the finished demo."""
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
