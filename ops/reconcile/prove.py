"""The reconciliation from end to end: what is read, in which order, and what is compared.

Producers and consumer may keep running. The database is read in one snapshot, the trusted files are
those that its ledger names, and the archive is read after the snapshot: a batch is archived before
it is processed, so every batch in the snapshot must be in the archive. The topic comes last: an
archived batch that is not processed is in the outbox, or in the topic after the committed offset.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from common.arrays import Ints, Mask
from common.settings import DatabaseSettings, KafkaSettings
from db.read.evidence import Evidence, open_evidence
from db.read.quarantined import READING_KEY
from ops.reconcile.archive import ArchiveIndex, read_archive
from ops.reconcile.compare_outcomes import compare_outcomes, name_batches
from ops.reconcile.compare_registro import Differences, RegistroCheck
from ops.reconcile.expected import ExpectedRows
from ops.reconcile.findings import Finding
from ops.reconcile.letters import Copies, compare_letters
from ops.reconcile.outcomes import Outcomes
from ops.reconcile.overtaken import OvertakenCheck
from ops.reconcile.proof import Proof, batch_name
from ops.reconcile.topic import Broker, TopicRest, batch_or_none
from ops.reconcile.trusted import TrustedFiles

Say = Callable[[str], object]


@dataclass
class Comparison:
    """The proof, and what a repair needs to know."""

    proof: Proof
    archive: ArchiveIndex
    outcomes: Outcomes
    trusted: TrustedFiles
    next_offsets: dict[tuple[str, int], int]
    unnamed_files: list[str]
    lost: Ints
    """Numbers of the batches that are neither processed nor under way."""
    differing: Ints
    """Numbers of the batches whose outcomes do not match their archived readings."""
    rows: Differences
    copies: Copies
    seen_ms: int
    """When the tables were as they are compared, by the database's clock (epoch ms)."""


def compare(
    kafka: KafkaSettings, database: DatabaseSettings, output: Path, say: Say = lambda _: None
) -> Comparison:
    """Reads archive, topic, trusted files and tables and compares them; changes nothing.

    Raises UnavailableError or ConfigurationError if broker or database cannot be read.
    """
    with open_evidence(database) as evidence:
        return compare_places(evidence, Broker(kafka), output, kafka.kafka_topic, say)


def compare_places(
    evidence: Evidence, broker: Broker, output: Path, topic: str, say: Say = lambda _: None
) -> Comparison:
    """As ``compare``, on an open snapshot."""
    seen_ms = evidence.moment_ms()
    say("reading the archive")
    archive = read_archive(output / "raw")
    outcomes = _outcomes(archive, evidence, broker)
    next_offsets, ranges = evidence.next_offsets(), evidence.ranges()
    say("reading the topic")
    rest = broker.rest(
        {partition: at for (name, partition), at in next_offsets.items() if name == topic}
    )
    proof = Proof(refused_messages=evidence.refused_messages())
    proof.repeated_messages = sum(range_.counts.repeated_messages for range_ in ranges)
    proof.quarantined = outcomes.note_quarantined(evidence.quarantined())
    trusted = TrustedFiles(output / "trusted", ranges)
    check = RegistroCheck(ExpectedRows(trusted, evidence))
    overtaken = OvertakenCheck(trusted, evidence)
    say("reading the trusted files")
    altered = _read_trusted(proof, trusted, outcomes, check, overtaken)
    say("comparing")
    lost = _compare_topic(proof, outcomes, rest, evidence)
    _note_gaps(proof, topic, rest, trusted)
    copies = compare_letters(
        proof, broker.letters(), evidence.refused(topic), topic, ranges, next_offsets
    )
    unnamed = _note_files(proof, archive, trusted, next_offsets)
    differing = compare_outcomes(proof, outcomes, trusted, evidence, altered)
    return Comparison(
        proof=proof,
        archive=archive,
        outcomes=outcomes,
        trusted=trusted,
        next_offsets=next_offsets,
        unnamed_files=unnamed,
        lost=lost,
        differing=differing.batches,
        rows=check.compare(proof, differing),
        copies=copies,
        seen_ms=seen_ms,
    )


def _compare_topic(proof: Proof, outcomes: Outcomes, rest: TopicRest, evidence: Evidence) -> Ints:
    """Counts the archived batches by how far they came; returns the numbers of the lost ones."""
    archive = outcomes.archive
    readings, is_waiting = archive.column("readings"), archive.column("waiting") == 1
    is_taken = outcomes.place >= 0
    is_in_topic = np.fromiter(
        (batch_id in rest.batches for batch_id in archive.number), bool, len(archive)
    )
    is_under_way = is_in_topic & ~is_taken
    is_waiting &= ~is_taken & ~is_in_topic
    # unprocessed batches with an outcome are left to compare_outcomes
    is_lost = ~(is_taken | is_in_topic | is_waiting) & (outcomes.count == 0)
    is_refused = _refused(archive, evidence) & is_lost if is_lost.any() else is_lost
    lost = np.flatnonzero(is_lost & ~is_refused)
    proof.produced = int(readings.sum())
    proof.waiting = int(readings[is_waiting].sum())
    proof.under_way = int(readings[is_under_way].sum())
    proof.outside = int(readings[archive.is_outside()].sum())
    proof.archived = proof.produced - proof.waiting - proof.outside
    proof.published = int(readings[is_taken | is_in_topic | is_refused].sum())
    proof.quarantined += int(readings[is_refused].sum())
    proof.missing += int(readings[lost].sum())
    proof.find(Finding.LOST_BATCH, map(batch_name, name_batches(archive, lost)), len(lost))
    return lost


def _refused(archive: ArchiveIndex, evidence: Evidence) -> Mask:
    """Batches whose whole message is in quarantine, for example because its patient id is too long."""
    found = np.zeros(len(archive), bool)
    for body in evidence.refused_bodies():
        batch = batch_or_none(body)
        if batch and (number := archive.number.get(batch.batch_id)) is not None:
            found[number] = True
    return found


def _outcomes(archive: ArchiveIndex, evidence: Evidence, broker: Broker) -> Outcomes:
    outcomes = Outcomes(archive, evidence.taken())
    if outcomes.foreign_taken:
        # a rename during a listing may hide the file from it
        archive.update()
        outcomes = Outcomes(archive, evidence.taken())
    if outcomes.foreign_taken:
        archive.add_outside(broker, outcomes.foreign_taken)
        outcomes = Outcomes(archive, evidence.taken())
    return outcomes


def _read_trusted(
    proof: Proof,
    trusted: TrustedFiles,
    outcomes: Outcomes,
    check: RegistroCheck,
    overtaken: OvertakenCheck,
) -> pa.Table:
    """Returns the keys of the readings that quarantine has otherwise: unmapped, or overtaken by nothing."""
    without = 0
    altered = [READING_KEY.empty_table()]
    for rows in trusted.tables():
        outcomes.note_trusted(rows)
        overtaken.note(rows)
        marked, unmarked, is_altered = check.note(rows)
        wrong = rows.filter(pa.array(is_altered))
        altered.append(wrong.select(READING_KEY.names).cast(READING_KEY))
        proof.trusted += len(rows)
        proof.unmapped += marked
        without += unmarked
    proof.accepted = proof.trusted
    proof.missing += without
    proof.find(Finding.NOT_MARKED_UNMAPPED, [], without)
    return pa.concat_tables([*altered, overtaken.unexplained])


def _note_files(
    proof: Proof,
    archive: ArchiveIndex,
    trusted: TrustedFiles,
    next_offsets: dict[tuple[str, int], int],
) -> list[str]:
    broken = sorted(archive.broken_files)
    proof.find(Finding.UNREADABLE_ARCHIVE, broken, len(broken))
    reasons = [f"{trusted.names[number]} ({why})" for number, why in trusted.unreadable.items()]
    proof.find(Finding.UNREADABLE_TRUSTED, reasons, len(reasons))
    unnamed = trusted.unnamed(next_offsets)
    proof.find(Finding.UNKNOWN_TRUSTED, unnamed, len(unnamed))
    return unnamed


def _note_gaps(proof: Proof, topic: str, rest: TopicRest, trusted: TrustedFiles) -> None:
    # a gap between two ranges held no messages that could be read; a loss is a range without messages
    gone = [
        (part.partition, part.first, part.until)
        for part in trusted.ranges
        if part.topic == topic and not part.counts.messages
    ]
    gone += [(partition, gap.start, gap.stop) for partition, gap in rest.gone.items()]
    proof.notes += [
        f"partition {partition}: offsets {first} to {until - 1} were gone from the topic before"
        " the consumer read them (retention)"
        for partition, first, until in sorted(gone)
    ]
