"""``vitals quarantine resend``: sends open entries of the quarantine through the topic again."""

from common.output import put_line
from db.connection import connect
from db.read.quarantine_desk import Selection
from ops.cli.commands.quarantine import require_sensor
from ops.quarantine.plan import ResendPlan, show_plan
from ops.quarantine.resend import resend_entries
from ops.stack.invocation import Invocation


def resend(
    invocation: Invocation, selection: Selection, *, is_dry: bool, wait_seconds: float
) -> None:
    """Sends the selected entries, or lists what it would send. Safe to repeat: docs/decisions/0013."""
    kafka, database = invocation.kafka(), invocation.database()
    if selection.sensor is not None:
        with connect(database) as connection:
            require_sensor(connection, selection.sensor)
    plan = ResendPlan(selection, wait_seconds)
    if is_dry:
        show_plan(plan, kafka, database)
    else:
        put_line(str(resend_entries(plan, kafka, database, invocation.raw)))
