"""``vitals prove``: a seeded storm of faults over the pipeline, and the proof that nothing was lost."""

import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.console import Console

from common.output import put_json, put_line
from ops.look.live_view import LiveView
from ops.stack.invocation import Invocation
from ops.storm.disks import enter_namespace, is_inside
from ops.storm.faults import KINDS, FaultKind
from ops.storm.run import Run
from ops.storm.trial import Outcome, Trial
from ops.tables import folding, put_table


def chosen_kinds(names: str | None, environment: Mapping[str, str]) -> list[FaultKind]:
    """Those of a comma-separated list, or all that this machine allows."""
    wanted = names.split(",") if names else list(KINDS)
    has_disks = is_inside(environment)
    return [KINDS[name] for name in wanted if has_disks or not KINDS[name].needs_disks]


def prove(
    invocation: Invocation,
    *,
    seed: int,
    minutes: float,
    patients: int,
    faults: str | None,
    fault_seconds: float | None,
    as_json: bool,
    arguments: Sequence[str],
) -> int:
    """Plays one storm; returns the exit code: 0 proved, 1 not.

    Restarts this program in a mount namespace where that is allowed: ``arguments`` are those of
    this call. Everything is in ``prove`` in VITALS_HOME, which is emptied at the start.
    """
    enter_namespace(arguments, invocation.environment)
    kinds = chosen_kinds(faults, invocation.environment)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    trial = Trial(
        seed=seed, minutes=minutes, patients=patients, kinds=kinds, fault_seconds=fault_seconds
    )
    with LiveView(Console(stderr=True)) as view:
        run = Run(invocation, trial, view)
        try:
            outcome = run.play()
        finally:
            run.stop()
    _show(trial, outcome, as_json=as_json)
    return 0 if outcome.verdict.is_proved else 1


def _show(trial: Trial, outcome: Outcome, *, as_json: bool) -> None:
    storm, verdict = outcome.storm, outcome.verdict
    if as_json:
        figures = {
            "seed": trial.seed,
            "minutes": trial.minutes,
            "patients": trial.patients,
            "seconds": round(outcome.seconds, 1),
            "faults": dict(sorted(storm.fired.items())),
            "faults_fired": storm.fired.total(),
            "kinds_fired": len(storm.fired),
            "faults_missed": dict(sorted(storm.missed.items())),
            "restarts": dict(outcome.restarts),
            "recoveries": [asdict(recovery) for recovery in outcome.recoveries],
            **verdict.as_dict(),
        }
        put_json(figures, indent=2)
        return
    table = folding("fault", "fired", "missed", title=f"The storm of seed {trial.seed}")
    for name in sorted({*storm.fired, *storm.missed}):
        table.add_row(name, str(storm.fired[name]), str(storm.missed[name] or ""))
    put_table(table)
    for recovery in outcome.recoveries:
        put_line(
            f"{recovery.kind} of {recovery.outage_seconds:.0f} s: first commit {recovery.first_commit_seconds} s"
            f" after it, {recovery.backlog_readings} readings at {recovery.times_input} times the input"
        )
    for finding in verdict.findings:
        put_line(f"NOT PROVED: {finding}")
    word = "PROVED" if verdict.is_proved else "NOT PROVED"
    put_line(
        f"{word}: {verdict.produced} readings produced, {verdict.archived} archived,"
        f" {verdict.accepted} accepted, {verdict.quarantined} quarantined,"
        f" {verdict.refused_messages} unreadable messages kept;"
        f" {storm.fired.total()} faults of {len(storm.fired)} kinds"
    )
    lasting = f" --fault-seconds {trial.fault_seconds:g}" if trial.fault_seconds else ""
    names = ",".join(kind.name for kind in trial.kinds)
    faults = "" if len(trial.kinds) == len(KINDS) else f" --faults {names}"
    put_line(
        f"the same storm again: vitals prove --minutes {trial.minutes:g} --seed {trial.seed}"
        f" --patients {trial.patients}{faults}{lasting}"
    )
