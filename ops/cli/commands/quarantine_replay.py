"""``vitals quarantine replay``: hands open entries of the quarantine to the producer."""

from db.read.quarantine_desk import Selection
from ops.cli.commands.replay import run_producer
from ops.stack.invocation import Invocation


def replay_entries(
    invocation: Invocation, selection: Selection, *, is_dry: bool, wait_seconds: float
) -> int:
    """Runs ``python -m producer requeue`` against the stack; returns its exit code.

    Safe to repeat: see docs/decisions/0013.
    """
    marks = {
        "--reason": selection.reason,
        "--patient": selection.patient_id,
        "--sensor": selection.sensor,
        "--since": selection.since and selection.since.isoformat(),
        "--until": selection.until and selection.until.isoformat(),
    }
    # name=value: an id may begin with a hyphen
    options = [f"{name}={value}" for name, value in marks.items() if value is not None]
    if is_dry:
        options.append("--dry-run")
    return run_producer(invocation, "requeue", *options, f"--wait={wait_seconds}")
