"""The producer's commands: run, sample, simulate and replay."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from common.commands import PlainGroup
from common.commands import run as run_command
from common.crash_points import CrashSettings, arm
from common.health import Health
from common.log import configure
from common.metrics_server import MetricsSettings, served
from common.output import put_line
from common.settings import (
    DatabaseSettings,
    KafkaSettings,
    LogSettings,
    OutputSettings,
    load,
    load_all,
)
from common.stopping import Stop
from producer.settings import ProducerSettings

app = typer.Typer(
    cls=PlainGroup,
    help="Simulated or real readings, archived and published.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def run() -> None:
    """Simulate patients and publish their readings until SIGTERM or Ctrl-C."""
    from producer.delivery.archive import RawArchive
    from producer.delivery.outbox import Outbox
    from producer.delivery.publisher import Publisher
    from producer.live.run import CHECKS, Runner

    settings, kafka, output, serving = load_all(
        ProducerSettings, KafkaSettings, OutputSettings, MetricsSettings
    )
    configure(load(LogSettings), service="producer")
    arm(load(CrashSettings))
    archive = RawArchive(output.output_dir / "raw", settings.producer_id)
    stop, health = Stop(), Health(*CHECKS)
    stop.listen()
    with served(serving, health):
        archive.claim()
        publisher = Publisher(kafka, message_timeout_ms=settings.delivery_timeout_ms)
        try:
            Runner(settings, kafka, Outbox(archive, publisher), health).run(stop.is_set)
        finally:
            publisher.close()
            archive.release()


@app.command()
def sample(
    sensor: Annotated[str, typer.Option(help="code of the sensor, such as glicose")],
    minutes: Annotated[float, typer.Option(min=0, help="how long")] = 1,
    interval: Annotated[float, typer.Option(min=0, help="seconds between two samples")] = 1,
    patient: Annotated[str | None, typer.Option(help="patient id; default: the first")] = None,
    seed: Annotated[int | None, typer.Option(help="default: SIMULATION_SEED")] = None,
) -> None:
    """Print the readings of one simulated sensor."""
    from producer.simulation.sample import print_sample

    settings = load(ProducerSettings, simulation_seed=seed)
    print_sample(
        sensor=sensor,
        minutes=minutes,
        interval=interval,
        patient=patient,
        seed=settings.simulation_seed,
    )


@app.command()
def simulate(
    start: Annotated[int, typer.Option("--from", help="start of the first window, epoch ms")],
    until: Annotated[
        int, typer.Option("--until", help="end: the last window starts before it, epoch ms")
    ],
) -> None:
    """Print the batches that these settings make for a period, as JSON lines; publish nothing."""
    from producer.simulation.archive_lines import print_batches

    print_batches(load(ProducerSettings), start=start, until=until, out=sys.stdout.buffer)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV")],
    table: Annotated[str, typer.Option("--format", help="long, clif or auto")] = "auto",
    start: Annotated[
        str, typer.Option(help="original, or now: the last reading becomes a moment old")
    ] = "original",
    speed: Annotated[str, typer.Option(help="max, or a multiple of real time: 1x, 60x")] = "max",
    register: Annotated[
        bool, typer.Option("--register", help="create missing patients and mappings")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="with --start now: replay it again with a new shift")
    ] = False,
    time_unit: Annotated[
        str | None, typer.Option(help="s, ms, us or ns, for times that are numbers")
    ] = None,
    earliest: Annotated[
        str | None, typer.Option(help="the earliest plausible time of a number: 1970-01-01")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="that of CSV: windows-1252; default: UTF-8 or UTF-16")
    ] = None,
) -> None:
    """Publish a file of real readings, each with its own time; ends with 1 if rows were unreadable."""
    from producer.replay import ReplayPlan, replay_file

    configure(load(LogSettings), service="producer")
    plan = ReplayPlan.of(
        file,
        table=table,
        start=start,
        speed=speed,
        is_again=again,
        time_unit=time_unit,
        earliest=earliest,
        encoding=encoding,
    )
    database = load(DatabaseSettings) if register else None
    folder = load(OutputSettings).output_dir / "raw"
    report = replay_file(plan, load(KafkaSettings), folder, database)
    put_line(str(report))
    raise typer.Exit(int(report.unreadable > 0))


def main() -> None:
    """Runs a command; an error that a person can fix ends with its message, not a traceback."""
    run_command(app)


if __name__ == "__main__":
    main()
