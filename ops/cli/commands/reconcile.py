"""``vitals reconcile``: proves that every produced reading arrived exactly once, or brings it back."""

import functools
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from common.broker.dead_letters import send_dead_letters
from common.broker.faults import explained
from common.output import put_json, put_line, say
from common.settings import DatabaseSettings, KafkaSettings
from db.connection import connect
from db.mend.undo import undo_batch
from db.read.evidence import open_evidence
from ops.look.snapshot import Observer, lag_if_possible, wait_drained
from ops.reconcile.findings import counted
from ops.reconcile.letters import Place
from ops.reconcile.plan import RepairPlan, plan_repair
from ops.reconcile.proof import Proof
from ops.reconcile.prove import Comparison, compare
from ops.reconcile.repair import repair
from ops.stack.invocation import Invocation
from ops.tables import folding, put_table
from producer.delivery.republish import ArchivedBatch, listed_batches, republish

Say = Callable[[str], object]

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
    say: Say = lambda _: None,
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


def reconcile_and_repair(
    invocation: Invocation, *, is_dry_run: bool, wait_seconds: float, as_json: bool
) -> int:
    """Compares, lists what a repair has to do, and does it unless it is a dry run.

    Returns 0 if everything is proved in the end, 1 if it is not (yet): republished batches are back
    once the consumer has processed them; with ``wait_seconds`` the command waits for that. Safe to
    repeat, also after a kill.
    """
    kafka, database = invocation.kafka(), invocation.database()
    output = invocation.settings.output_dir
    found = compare(kafka, database, output, say)
    with open_evidence(database) as evidence:
        plan = plan_repair(found, evidence)
    if is_dry_run or plan.is_empty:
        code = _show_repair(found, plan, as_json=as_json, is_dry_run=is_dry_run)
        return code if is_dry_run or found.proof.is_proved else 1
    if not as_json:
        show(found.proof, as_json=False)
    for line in _lines(plan, is_dry_run=False):
        say(line)
    publish = functools.partial(_publish, kafka, say, plan.ordered_ms)
    copy = functools.partial(_copy, kafka, database)
    repair(plan, database, output / "trusted", found.next_offsets, publish, copy, say)
    if plan.publish and not wait_seconds:
        say("the consumer reads them from the topic; check with `vitals reconcile` afterwards")
        if as_json:
            _show_repair(found, plan, as_json=True, is_dry_run=False)
        return 1
    if plan.publish:
        wait_for_consumer(kafka, database, wait_seconds)
    return show(prove(kafka, database, output, say), as_json=as_json)


def undo_corrections(invocation: Invocation, batch_id: str) -> None:
    """Puts back what the readings of a batch have overwritten; see `db.mend.undo`."""
    with connect(invocation.database()) as connection:
        say(str(undo_batch(connection, batch_id)))


def _publish(
    kafka: KafkaSettings, say: Say, ordered_ms: int, archived: Sequence[ArchivedBatch]
) -> None:
    say(str(republish(listed_batches(archived, ordered_ms=ordered_ms), kafka)))


def _copy(kafka: KafkaSettings, database: DatabaseSettings, places: Sequence[Place]) -> None:
    wanted = set(places)
    with open_evidence(database) as evidence:
        entries = evidence.refused(kafka.kafka_topic)
        letters = (entry for entry in entries if (entry.partition, entry.offset) in wanted)
        failed = send_dead_letters(letters, kafka)
    if failed:
        raise explained(failed[0], f"copy messages to {kafka.kafka_dlq_topic}", kafka)
    say(f"copied {counted(len(wanted), 'refused message')} to {kafka.kafka_dlq_topic}")


def _show_repair(found: Comparison, plan: RepairPlan, *, as_json: bool, is_dry_run: bool) -> int:
    if as_json:
        values: dict[str, Any] = found.proof.as_dict()
        values["repair"] = list(plan.lines())
        values["beyond_repair"] = plan.hopeless
        put_json(values, indent=2)
        return 0 if found.proof.is_proved else 1
    code = show(found.proof, as_json=False)
    for line in _lines(plan, is_dry_run=is_dry_run):
        put_line(line)
    return code


def _lines(plan: RepairPlan, *, is_dry_run: bool) -> list[str]:
    word = "would" if is_dry_run else "will"
    lines = [f"{word} {line}" for line in plan.lines()] or ["there is nothing to repair"]
    return [*lines, *(f"beyond repair: {line}" for line in plan.hopeless)]
