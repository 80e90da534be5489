"""``python -m db``: migrations and demo data."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from common import log
from common.commands import PlainGroup, run
from common.errors import VitalsError
from common.output import put_line
from common.settings import DatabaseSettings, LogSettings, load
from db.connection import connect
from db.schema.catalogue_rows import component_rows, sensor_rows
from db.schema.migrate import Migration, migrate, migrations, pending_migrations
from db.schema.seed import ACTIVE_SINCE, SeededCount, seed

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    # a traceback with local variables would show the password
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def begin() -> None:
    """Migrations and demo data of the database that DB_HOST, DB_USER, DB_PASSWORD name."""
    log.configure(load(LogSettings), service="db")


DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")]


@app.command("migrate")
def migrate_command(*, dry_run: DryRun = False) -> None:
    """Bring the database to the schema of this version; safe to repeat."""
    if dry_run:
        _print_pending()
        return
    settings = load(DatabaseSettings)
    with connect(settings, database=False) as connection:
        applied = migrate(connection, settings.db_name)
    for migration in applied:
        put_line(f"applied {migration.label}")
    put_line(f"{settings.db_name}: {len(applied)} applied, {len(migrations())} in all")


@app.command("seed")
def seed_command(
    *,
    patients: Annotated[int, typer.Option(min=1, help="The number of demo patients.")] = 100,
    seed_number: Annotated[
        int, typer.Option("--seed", help="The same seed makes the same people.")
    ] = 7,
    dry_run: DryRun = False,
) -> None:
    """Add demo patients with every sensor; existing rows stay unchanged."""
    if dry_run:
        put_line(
            f"would add where missing: {len(sensor_rows())} sensors with {len(component_rows())}"
            f" components, patients demo-000001 to demo-{patients:06d} (seed {seed_number}),"
            f" {patients * len(sensor_rows())} mappings active since {ACTIVE_SINCE}"
        )
        return
    added = _seed_with_progress(load(DatabaseSettings), patients, seed_number)
    put_line(f"added {added.patients} patients and {added.mappings} mappings")


def main() -> None:
    """Runs the command; prints an expected error as its message and exits with its code."""
    run(app)


def _seed_with_progress(settings: DatabaseSettings, patients: int, number: int) -> SeededCount:
    columns = (TextColumn("patients"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        connect(settings) as connection,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        task = progress.add_task("patients", total=patients)
        return seed(
            connection,
            patients,
            number,
            on_progress=lambda done: progress.update(task, completed=done),
        )


def _print_pending() -> None:
    try:
        settings = load(DatabaseSettings)
        connection = connect(settings, database=False)
    except VitalsError as error:
        put_line(f"cannot ask the database: {error.message}")
        put_line("would apply, where not applied yet:")
        _print_labels(migrations())
        return
    with connection:
        pending = pending_migrations(connection, settings.db_name)
    put_line(f"would apply to {settings.db_name}:" if pending else "nothing to apply")
    _print_labels(pending)


def _print_labels(listed: Iterable[Migration]) -> None:
    for migration in listed:
        put_line(f"  {migration.label}")


if __name__ == "__main__":
    main()
