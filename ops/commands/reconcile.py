"""``vitals reconcile``: proves that every produced reading arrived once."""

import json
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from common.settings import DatabaseSettings, KafkaSettings
from db import evidence
from db.connection import connect
from ops.reconcile.archive import read_archive
from ops.reconcile.proof import Proof, compare_outcomes, compare_registro, compare_topic
from ops.reconcile.topic import published_batches
from ops.reconcile.trusted import read_trusted
from ops.snapshot import Observer, lag_if_possible, wait_drained


def wait_for_consumer(
    kafka: KafkaSettings, database: DatabaseSettings, seconds: float, say: Callable[[str], object]
) -> None:
    """Returns when everything in the topic is committed; producers should be stopped.

    Raises:
        UnavailableError: it is not after that time.
    """
    say(f"waiting until the consumer has worked off its lag (up to {seconds:.0f} s)")
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
    proof = Proof()
    say("reading the archive")
    archived = read_archive(output / "raw")
    say("reading the topic")
    topic = published_batches(kafka)
    with connect(database) as connection:
        say("reading the database")
        taken = evidence.taken_batches(connection, kafka.kafka_topic)
        files = evidence.trusted_files(connection, kafka.kafka_topic)
        quarantined = evidence.quarantined(connection, kafka.kafka_topic, unmapped=False)
        unmapped = evidence.quarantined(connection, kafka.kafka_topic, unmapped=True)
        mappings, registro = evidence.mappings(connection), evidence.registro(connection)
        proof.refused_messages = evidence.refused_messages(connection, kafka.kafka_topic)
    say("reading the trusted files")
    trusted, missing_files = read_trusted(output / "trusted", files)
    if missing_files:
        proof.findings.append(f"trusted files are gone: {', '.join(missing_files[:20])}")
    say("comparing")
    compare_topic(proof, archived, topic, taken)
    compare_outcomes(proof, archived, trusted, quarantined)
    compare_registro(proof, trusted, unmapped, mappings, registro)
    return proof


def show(proof: Proof, *, as_json: bool) -> int:
    """Prints the proof; returns the exit code: 0 proved, 1 not."""
    if as_json:
        print(json.dumps(proof.as_dict(), indent=2))  # noqa: T201 - the command's output
        return 0 if proof.is_proved else 1
    console = Console()
    table = Table("stage", "readings", title="From sensor to table")
    for name in ("produced", "archived", "published", "accepted", "quarantined", "unmapped"):
        table.add_row(name, f"{getattr(proof, name):,}")
    for name in ("trusted", "registro", "superseded"):
        table.add_row(name, f"{getattr(proof, name):,}")
    console.print(table)
    if proof.refused_messages:
        console.print(f"{proof.refused_messages:,} messages are in quarantine whole")
    for finding in proof.findings:
        console.print(f"NOT PROVED: {finding}", markup=False, highlight=False, soft_wrap=True)
    word = "PROVED" if proof.is_proved else "NOT PROVED"
    print(  # noqa: T201 - the last line is for scripts
        f"{word}: {proof.produced} readings produced, {proof.accepted} accepted,"
        f" {proof.quarantined} quarantined, {proof.missing} missing,"
        f" {proof.duplicated} duplicated"
    )
    return 0 if proof.is_proved else 1
