"""``vitals demo``: a minute of readings on fresh folders, then the proof that all arrived once."""

import subprocess
import sys
from dataclasses import replace

from common.output import put_line, say
from ops.cli.commands.up import up
from ops.cli.next_steps import next_steps
from ops.stack.invocation import Invocation
from ops.stack.pipeline import Pipeline
from ops.stack.plan import Plan

_FAULT_SHARE = 0.01


def demo(invocation: Invocation, *, seconds: float, patients: int, producers: int) -> int:
    """Runs the pipeline in a folder of its own, then `vitals reconcile`; returns its exit code.

    The user's own data is not touched: the demo's folder is ``demo`` in VITALS_HOME, and it holds
    the output as well. It is emptied at the start and kept at the end.
    """
    own = _in_its_own_folder(invocation)
    proof: list[subprocess.CompletedProcess[str]] = []

    def prove(pipeline: Pipeline) -> None:
        say("comparing what was produced with what arrived")
        proof.append(
            subprocess.run(
                [sys.executable, "-m", "ops", "reconcile"],
                env=dict(pipeline.environments.of()),
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
        )

    plan = Plan(producers=producers, patients=patients, fresh=True, has_monitor=True)
    up(own, plan, for_seconds=seconds, when_drained=prove)
    if not proof:
        return 130
    say(f"files, logs and data of this run: {own.settings.home}")
    # its last line is the proof; the rest goes to standard error, for people
    for line in proof[0].stdout.splitlines():
        put_line(line)
    for line in next_steps(own.settings.home, own.settings.output_dir, own.settings.cache):
        say(line)
    return proof[0].returncode


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
