"""``vitals demo``: a minute of readings on fresh folders, then the proof that all arrived once."""

import subprocess
import sys
from dataclasses import replace

from ops.cli.commands.up import up
from ops.stack.invocation import Invocation
from ops.stack.pipeline import Pipeline, Plan

_FAULT_SHARE = 0.01


def demo(invocation: Invocation, *, seconds: float, patients: int, producers: int) -> int:
    """Runs the pipeline in a folder of its own, then `vitals reconcile`; returns its exit code.

    The user's own data is not touched: the demo's folder is ``demo`` in VITALS_HOME, and it holds
    the output as well. It is emptied at the start and left for a look at the end.
    """
    settings = invocation.settings
    home = settings.home / "demo"
    own = replace(
        invocation,
        settings=settings.model_copy(
            update={
                "vitals_home": home,
                "vitals_cache": settings.cache,
                "output_dir": home / "output",
                "fault_share": _FAULT_SHARE,
            }
        ),
    )
    proof: list[subprocess.CompletedProcess[str]] = []

    def prove(pipeline: Pipeline) -> None:
        print("comparing what was produced with what arrived", file=sys.stderr)  # noqa: T201 - a wait says so
        proof.append(
            subprocess.run(
                [sys.executable, "-m", "ops", "reconcile"],
                env=dict(pipeline.environment()),
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
        )

    plan = Plan(producers=producers, patients=patients, fresh=True, has_monitor=True)
    up(own, plan, for_seconds=seconds, when_drained=prove)
    if not proof:
        return 130
    print(f"files, logs and data of this run: {home}", file=sys.stderr)  # noqa: T201 - for people
    print(proof[0].stdout, end="")  # noqa: T201 - its last line is the proof
    return proof[0].returncode
