"""``vitals quarantine resend``: sends open entries of the quarantine through the topic again."""

from db.read.quarantine_desk import Selection
from ops.quarantine import ResendPlan, resend_entries, show_plan
from ops.stack.invocation import Invocation


def resend(
    invocation: Invocation, selection: Selection, *, is_dry: bool, wait_seconds: float
) -> None:
    """Sends the selected entries, or lists what it would send. Safe to repeat: docs/decisions/0013."""
    plan = ResendPlan(selection, wait_seconds)
    kafka, database = invocation.kafka(), invocation.database()
    if is_dry:
        show_plan(plan, kafka, database)
    else:
        print(resend_entries(plan, kafka, database, invocation.raw))  # noqa: T201 - the command's output
