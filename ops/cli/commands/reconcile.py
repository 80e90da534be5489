"""``vitals reconcile``: proves that every produced reading arrived exactly once."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from common.output import put_json, put_line, say
from common.settings import DatabaseSettings, KafkaSettings
from ops.look.snapshot import Observer, lag_if_possible, wait_drained
from ops.reconcile.proof import Proof
from ops.reconcile.prove import compare
from ops.tables import folding, put_table

_STAGES = (
    *("produced", "archived", "published", "accepted", "quarantined"),
    *("unmapped", "trusted", "registro", "superseded"),
)


def wait_for_consumer(kafka: KafkaSettings, database: DatabaseSettings, seconds: float) -> None:
    """Returns when everything in the topic is committed; producers should be stopped.

    Raises UnavailableError if not everything is committed in that time.
    """
    say(f"waiting for the consumer to catch up (at most {seconds:.0f} s)")
    with closing(Observer(kafka, database)) as observer:
        wait_drained(lambda: lag_if_possible(observer), seconds)


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
        put_json(proof.as_dict(), indent=2)
        return 0 if proof.is_proved else 1
    table = folding("stage", "readings", title="From sensor to table")
    for name in _STAGES:
        table.add_row(name, f"{getattr(proof, name):,}")
    put_table(table)
    if proof.refused_messages:
        put_line(f"{proof.refused_messages:,} messages are in quarantine whole")
    if proof.waiting or proof.under_way:
        put_line(
            f"under way: {proof.waiting:,} readings in the outbox, {proof.under_way:,} in the topic"
        )
    for note in proof.notes:
        put_line(f"note: {note}")
    for bucket in proof.differing:
        put_line(
            f"differs: hour {bucket.hour}, partition {bucket.partition or 'none'}: {bucket.archived:,}"
            f" readings archived, {bucket.with_outcome:,} with an outcome"
        )
    for finding in proof.findings:
        put_line(f"NOT PROVED: {finding}")
    word = "PROVED" if proof.is_proved else "NOT PROVED"
    way = proof.waiting + proof.under_way
    put_line(
        f"{word}: {proof.produced} readings produced, {proof.accepted} accepted,"
        f" {proof.quarantined} quarantined, {proof.missing} missing,"
        f" {proof.duplicated} duplicated" + (f", {way} under way" if way else "")
    )
    return 0 if proof.is_proved else 1
