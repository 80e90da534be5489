"""What a repair has to do, derived from a comparison; nothing is changed here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.arrays import Ints, Mask
from db.ledger import LedgerRow
from db.read.evidence import REGISTRO_ROW, Evidence, Stray
from ops.reconcile.findings import counted, listed
from ops.reconcile.letters import Place
from ops.reconcile.old_order import in_old_order, old_order, rising
from ops.reconcile.proof import row_names, utc
from ops.reconcile.prove import Comparison
from producer.delivery.republish import ArchivedBatch

_NAMED = 8
_COMMIT_MS = 60_000
"""The most between the time of a commit in the ledger and its COMMIT: the server ends a session that is
silent for longer."""
_LATE = "batches of the same patient and time are under way; repair again once they are processed"
_TO_ENTER = pa.schema([*REGISTRO_ROW, ("found", pa.int64())])


@dataclass
class RepairPlan:
    """The steps in order; each is safe to repeat, and so is the whole."""

    set_aside: list[str] = field(default_factory=list)
    """Trusted files that the ledger does not name."""
    rows: pa.Table = field(default_factory=_TO_ENTER.empty_table)
    """For ``registro``; ``found``: the value stored there now, null if there is none."""
    retake: list[tuple[LedgerRow, list[str]]] = field(default_factory=list)
    """Ranges whose batches (ids) are to be processed again."""
    strays: dict[str | None, list[Stray]] = field(default_factory=dict)
    """By batch: places of its rows in quarantine outside the range that processed it."""
    publish: list[ArchivedBatch] = field(default_factory=list)
    """In their original order: the newest value of a key must win again."""
    ordered_ms: int = 0
    """What was committed until then was compared, and is in that order (epoch ms)."""
    readings: int = 0
    copy: list[Place] = field(default_factory=list)
    """Refused messages that are to be copied to the dead-letter topic."""
    hopeless: list[str] = field(default_factory=list)
    """What no repair can fix: a person has to look."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.set_aside or len(self.rows) or self.retake or self.publish or self.copy)

    def lines(self) -> Iterator[str]:
        """The steps as text for a person."""
        if self.set_aside:
            names = listed(self.set_aside[:_NAMED], len(self.set_aside))
            yield f"set aside {counted(len(self.set_aside), 'trusted file')}: {names}"
        missing = self.rows.filter(pc.is_null(self.rows["found"]))
        altered = self.rows.filter(pc.is_valid(self.rows["found"]))
        for rows, verb, noun in (
            (missing, "add", "missing registro row"),
            (altered, "correct", "registro row"),
        ):
            if len(rows):
                what = f"{verb} {counted(len(rows), noun)}"
                yield f"{what}: {listed(row_names(rows), len(rows))}"
        if self.retake:
            ranges = [_range_name(part) for part, _ in self.retake[:_NAMED]]
            what = f"process {counted(len(self.retake), 'range')} again"
            yield f"{what}: {listed(ranges, len(self.retake))}"
        if self.publish:
            ids = [f"{batch.batch_id} of {batch.path.name}" for batch in self.publish[:_NAMED]]
            yield (
                f"publish {counted(len(self.publish), 'archived batch')}"
                f" ({counted(self.readings, 'reading')}) again: {listed(ids, len(self.publish))}"
            )
        if self.copy:
            places = [f"{partition}@{offset}" for partition, offset in self.copy[:_NAMED]]
            what = counted(len(self.copy), "refused message")
            yield f"copy {what} to the dead-letter topic: {listed(places, len(self.copy))}"


def plan_repair(found: Comparison, evidence: Evidence) -> RepairPlan:
    """The plan for a comparison; ``evidence`` reads more from the same database."""
    archive, outcomes = found.archive, found.outcomes
    range_of = outcomes.range_numbers(found.trusted.ranges)
    plan = RepairPlan(
        set_aside=found.unnamed_files,
        rows=_rows(found),
        copy=found.copies.missing,
        ordered_ms=found.seen_ms - _COMMIT_MS,
    )
    if found.copies.cut:
        what = counted(found.copies.cut, "dead letter")
        plan.hopeless.append(f"{what}: quarantine has only the beginning of the message")
    spoilt = {int(found.trusted.range_of[number]) for number in found.trusted.unreadable}
    spoilt |= {int(number) for number in range_of[found.differing] if number >= 0}
    times = [archive.column(name) for name in ("patient", "first", "last")]
    lost = np.isin(np.arange(len(archive)), found.lost)
    chosen = with_overlapping(lost | np.isin(range_of, sorted(spoilt)), range_of, *times)
    spoilt |= {int(number) for number in range_of[chosen] if number >= 0}
    # a batch under way already has its offset: an older one must not get a newer offset
    late = overlapping((outcomes.place < 0) & (outcomes.count == 0) & ~lost, *times)
    if waiting := int((chosen & lost & late).sum()):
        plan.hopeless.append(f"{counted(waiting, 'lost batch')} must wait: {_LATE}")
    chosen &= ~(lost & late)
    ids = archive.ids()
    for number in sorted(spoilt):
        part, own = found.trusted.ranges[number], range_of == number
        reason = _LATE if (own & late).any() else _foreign_in(found, part, own)
        if reason:
            plan.hopeless.append(f"{_range_name(part)} cannot be processed again: {reason}")
            # a batch older than one that cannot be republished must not get a newer offset
            chosen &= ~own & ~(lost & overlapping(own, *times))
        else:
            plan.retake.append((part, [ids[number] for number in np.flatnonzero(own)]))
    _plan_publishing(plan, found, evidence, np.flatnonzero(chosen))
    if plan.retake:
        for batch_id, place in evidence.strays():
            plan.strays.setdefault(batch_id, []).append(place)
    plan.hopeless += found.proof.beyond_repair
    return plan


def with_overlapping(chosen: Mask, range_of: Ints, patient: Ints, first: Ints, last: Ints) -> Mask:
    """Adds the batches that must be republished with the chosen ones (all arrays by batch).

    A republished batch gets the newest offset, and would win over one that replaced readings of
    it. So processed batches of the same patient with overlapping times are republished too, in their
    old order; and a range is processed again as a whole, since its batches share files.
    """
    chosen = chosen.copy()
    while True:
        is_taken = range_of >= 0
        more = np.isin(range_of, np.unique(range_of[chosen & is_taken])) & is_taken
        more |= overlapping(chosen | more, patient, first, last) & is_taken
        if not (more & ~chosen).any():
            return chosen
        chosen |= more


def overlapping(chosen: Mask, patient: Ints, first: Ints, last: Ints) -> Mask:
    """The batches that share an instant with a chosen one of the same patient, chosen ones included."""
    found = np.zeros(len(chosen), bool)
    order = np.lexsort((first, patient))
    edges = [0, *(np.flatnonzero(np.diff(patient[order])) + 1), len(order)]
    for start, until in pairwise(edges):
        own = order[start:until]
        its = own[chosen[own]]
        if not len(its):
            continue
        # sorted by start: the latest end among those begun so far
        latest = np.maximum.accumulate(last[its])
        begun = np.searchsorted(first[its], last[own], side="right")
        found[own] = (begun > 0) & (latest[np.maximum(begun, 1) - 1] >= first[own])
    return found


def _rows(found: Comparison) -> pa.Table:
    tables = [_TO_ENTER.empty_table(), *found.rows.missing, *found.rows.altered]
    # those that are missing have no column ``found``: it is null for them
    return pa.concat_tables(tables, promote_options="default")


def _plan_publishing(
    plan: RepairPlan, found: Comparison, evidence: Evidence, numbers: Ints
) -> None:
    archive, outcomes = found.archive, found.outcomes
    ids = archive.ids()
    first_taken: Mapping[str, int] = {
        **{name: part.committed_ms for part, names in plan.retake for name in names},
        **evidence.received([name for _, names in plan.retake for name in names]),
    }
    ranges = found.trusted.ranges
    said = evidence.known_since()
    by_number = {archive.number[name]: said[name] for name in said.keys() & archive.number.keys()}
    produced, patient = archive.column("produced"), archive.column("patient")
    order = old_order(outcomes.range_numbers(ranges), outcomes.offset, produced, ranges, by_number)
    ordered = in_old_order(numbers, order.places, produced, patient)
    known_ms = rising(ordered, order.known_ms, patient, until_ms=plan.ordered_ms)
    plan.publish = [
        ArchivedBatch(archive.path(int(number)), ids[number], first_taken.get(ids[number]), int(at))
        for number, at in zip(ordered, known_ms, strict=True)
    ]
    plan.readings = int(archive.column("readings")[numbers].sum())


def _foreign_in(found: Comparison, part: LedgerRow, own: Mask) -> str | None:
    """Why a range cannot be processed again as a whole; ``own``: which batches are of this range."""
    archive = found.archive
    if len(outside := np.flatnonzero(own & archive.is_outside())):
        return f"its batch {archive.ids()[outside[0]]} is in no archive file"
    for batch_id, (topic, partition, offset) in found.outcomes.foreign_taken.items():
        if (topic, partition) == (part.topic, part.partition) and part.first <= offset < part.until:
            return f"its batch {batch_id} is in no archive file"
    return None


def _range_name(part: LedgerRow) -> str:
    offsets = f"offsets {part.first} to {part.until - 1}"
    return f"{part.topic}-{part.partition} {offsets} (committed {utc(part.committed_ms)})"
