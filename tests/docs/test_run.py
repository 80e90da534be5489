"""The how-to pages work: their commands are typed as they are written, in the order of the pages."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager

from tests.documents import RUN, SAMPLES, blocks, text_of
from tests.programs import inherited


class Reader:
    """A user who types what the pages say, in a folder of their own."""

    def __init__(self, folder, cache):
        self.folder = folder
        self.running = None
        self.environment = inherited() | {
            "PATH": f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}",
            "VITALS_HOME": str(folder / ".vitals"),
            "VITALS_CACHE": str(cache),
            "GENERATION_INTERVAL_SECONDS": "2",
            "FAULT_SHARE": "0.2",
        }
        (folder / ".venv").symlink_to(sys.prefix)
        (csv,) = blocks(text_of(SAMPLES), "csv")
        (folder / "readings.csv").write_text(csv, encoding="utf-8")

    def types(self, commands, *, seconds=180):
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
        )

    def starts(self, command):
        """Runs ``vitals up`` in its own terminal; returns once it is up as the pages describe."""
        if self.running is not None:
            self.types("vitals down")
        self.running = command
        log = self.folder / "up.log"
        with log.open("wb") as file:
            up = subprocess.Popen(
                [*command.split(), "--patients", "10"],
                cwd=self.folder,
                env=self.environment,
                stdout=file,
                stderr=file,
            )
        # a new machine downloads and unpacks the database and prepares Spark's classes first
        deadline = time.monotonic() + 300
        is_producing = "--producers 0" not in command
        while not self._is_up(is_producing):
            assert up.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)

    def _is_up(self, is_producing):
        answer = self.types("vitals status --json")
        if answer.returncode != 0:
            return False
        status = json.loads(answer.stdout)
        # without producers everything that is in the topic must have arrived
        return status["accepted"] > 0 and (is_producing or status["lag_messages"] == 0)


@contextmanager
def reader(folder, cache):
    someone = Reader(folder, cache)
    try:
        yield someone
    finally:
        someone.types("vitals down")


def read(someone, page):
    """Each block exits with 0 and prints something; `vitals up` runs beside the rest."""
    for block in blocks(text_of(page), "sh"):
        if block.startswith("vitals up"):
            someone.starts(block.strip())
            continue
        answer = someone.types(block)
        assert answer.returncode == 0, f"{block}\n{answer.stdout}\n{answer.stderr}"
        if "vitals down" in block:
            someone.running = None
            continue
        assert answer.stdout.strip(), f"{block} prints nothing"
        if "vitals reconcile" in block:
            assert "PROVED: " in answer.stdout
            assert "NOT PROVED" not in answer.stdout


def test_every_command_of_the_pages_works_in_their_order(jars, tmp_path):
    with reader(tmp_path, jars.parent) as someone:
        for page, taken_for_granted in RUN.items():
            if taken_for_granted and someone.running != taken_for_granted:
                someone.starts(taken_for_granted)
            read(someone, page)
        someone.types("vitals down")
        assert someone.types("vitals status").returncode == 3
