"""``vitals reconcile --repair``: brings back what the proof finds missing."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from common.broker.dead_letters import send_dead_letters
from common.broker.faults import explained
from common.output import put_json, put_line, say
from common.settings import DatabaseSettings, KafkaSettings
from db.connection import connect
from db.mend.undo import undo_batch
from db.read.evidence import open_evidence
from ops.cli.commands.reconcile import prove, show, wait_for_consumer
from ops.reconcile.findings import counted
from ops.reconcile.letters import Place
from ops.reconcile.plan import RepairPlan, plan_repair
from ops.reconcile.prove import Comparison, compare
from ops.reconcile.repair import repair
from ops.stack.invocation import Invocation
from producer.delivery.republish import ArchivedBatch, listed_batches, republish

Say = Callable[[str], object]


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
        code = _show(found, plan, as_json=as_json, is_dry_run=is_dry_run)
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


def _show(found: Comparison, plan: RepairPlan, *, as_json: bool, is_dry_run: bool) -> int:
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
