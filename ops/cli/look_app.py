"""``vitals status``, ``lag`` and ``explain``: how it goes, and what became of one reading."""

from typing import Annotated

import typer

from ops.explain.question import question
from ops.stack.invocation import Invocation

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]


@app.command("status")
def status_command(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show what runs, how far it is, and whether it is well.

    Exit codes: 0 healthy; 1 something is wrong, and the last line names it; 3 nothing runs.
    """
    from ops.cli.commands.status import status

    raise typer.Exit(status(_invocation(context), as_json=as_json))


@app.command("lag")
def lag_command(
    context: typer.Context,
    *,
    most: Annotated[
        int | None, typer.Option("--max", min=0, help="So many messages are no reason to worry.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show by partition what is published and not committed.

    Exit codes: 0; 1 the sum is above --max; 3 nothing answers.
    """
    from ops.cli.commands.lag import lag

    raise typer.Exit(lag(_invocation(context), most=most, as_json=as_json))


@app.command("explain")
def explain_command(
    context: typer.Context,
    patient: Annotated[str, typer.Argument(help="The patient id, as it is sent.")],
    sensor: Annotated[str, typer.Argument(help="glicose, 'Frequência Cardíaca', ...")],
    time: Annotated[
        str, typer.Argument(help="When it was measured: ISO 8601 (else UTC), or epoch ms.")
    ],
    *,
    component: Annotated[
        str | None, typer.Option(help="Of a sensor with several: sistolica, x, ...")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell the whole story of one value: sent, judged, written, overwritten.

    Exit codes: 0 it stands in registro; 1 it was seen and does not stand, and it says why;
    4 it was never seen, and it says what is known; 3 the database does not answer.
    """
    from ops.cli.commands.explain import print_story

    try:
        asked = question(patient, sensor, time, component)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    raise typer.Exit(print_story(_invocation(context), asked, as_json=as_json))


def _invocation(context: typer.Context) -> Invocation:
    invocation: Invocation = context.obj()
    return invocation
