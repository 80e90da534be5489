"""``vitals reconcile``: proves that every produced reading arrived exactly once."""

import json
from collections.abc import Callable
from pathlib import Path

from common.settings import DatabaseSettings, KafkaSettings
from ops.cli.tables import folding, output
from ops.look.snapshot import Observer, lag_if_possible, wait_drained
from ops.reconcile.proof import Proof
from ops.reconcile.prove import compare

_STAGES = (
    *("produced", "archived", "published", "accepted", "quarantined"),
    *("unmapped", "trusted", "registro", "superseded"),
)


def wait_for_consumer(
    kafka: KafkaSettings, database: DatabaseSettings, seconds: float, say: Callable[[str], object]
) -> None:
    """Returns when everything in the topic is committed; producers should be stopped.

    Raises:
        UnavailableError: not everything is committed in that time.
    """
    say(f"waiting for the consumer to catch up (at most {seconds:.0f} s)")
    observer = Observer(kafka, database)
    try:
        wait_drained(lambda: lag_if_possible(observer), seconds)
    finally:
        observer.close()


def prove(
    kafka: KafkaSettings,
    database: DatabaseSettings,
    output: Path,
    say: Callable[[str], object] = lambda _: None,
) -> Proof:
    """Reads archive, topic, trusted files and tables and compares them; changes nothing."""
    return compare(kafka, database, output, say).proof


def show(proof: Proof, *, as_json: bool) -> int:
    """Prints the proof; returns the exit code: 0 proved, 1 not."""
    if as_json:
        print(json.dumps(proof.as_dict(), indent=2))  # noqa: T201 - the command's output
        return 0 if proof.is_proved else 1
    console = output()
    table = folding("stage", "readings", title="From sensor to table")
    for name in _STAGES:
        table.add_row(name, f"{getattr(proof, name):,}")
    console.print(table)
    if proof.refused_messages:
        console.print(f"{proof.refused_messages:,} messages are in quarantine whole")
    if proof.waiting or proof.under_way:
        console.print(
            f"under way: {proof.waiting:,} readings in the outbox, {proof.under_way:,} in the topic"
        )
    for note in proof.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    for bucket in proof.differing:
        console.print(
            f"differs: hour {bucket.hour}, partition {bucket.partition or 'none'}: {bucket.archived:,}"
            f" readings archived, {bucket.with_outcome:,} with an outcome",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    for finding in proof.findings:
        console.print(f"NOT PROVED: {finding}", markup=False, highlight=False, soft_wrap=True)
    word = "PROVED" if proof.is_proved else "NOT PROVED"
    way = proof.waiting + proof.under_way
    print(  # noqa: T201 - the last line is for scripts
        f"{word}: {proof.produced} readings produced, {proof.accepted} accepted,"
        f" {proof.quarantined} quarantined, {proof.missing} missing,"
        f" {proof.duplicated} duplicated" + (f", {way} under way" if way else "")
    )
    return 0 if proof.is_proved else 1
