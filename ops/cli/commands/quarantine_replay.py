"""``vitals quarantine resend``: hands open entries of the quarantine to the producer."""

from db.connection import connect
from db.read.quarantine_desk import Selection
from ops.cli.commands.quarantine import require_sensor
from ops.cli.commands.replay import run_producer
from ops.stack.invocation import Invocation


def resend_entries(
    invocation: Invocation, selection: Selection, *, is_dry: bool, wait_seconds: float
) -> int:
    """Runs ``python -m producer requeue`` against the stack; returns its exit code.

    Safe to repeat: see docs/decisions/0013.
    """
    if selection.sensor is not None:
        with connect(invocation.database()) as connection:
            require_sensor(connection, selection.sensor)
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
