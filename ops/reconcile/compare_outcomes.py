"""Archive against outcomes: every archived reading that was processed has one, and the right one.

The right one is what the cleaning rules make of the archived value. Compares counts and fingerprints
by hour (of the window) and topic partition; if a bucket differs, its batches; if a batch differs, its
readings. Only then is it known when Kafka received the batch, which decides what was in its future.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.arrays import AnyInts, Ints, Mask
from db.checksums import HOUR_MS
from db.read.evidence import Evidence
from db.read.quarantined import READING_KEY
from ops.reconcile.archive import ArchiveIndex
from ops.reconcile.findings import Finding
from ops.reconcile.fingerprints import (
    OUTCOME,
    UNKNOWN_TIME,
    expected_outcomes,
    outcomes_of,
    settled_outcomes,
)
from ops.reconcile.outcomes import Outcomes
from ops.reconcile.proof import Proof, reading_name
from ops.reconcile.trusted import TrustedFiles
from schemas.batch import SensorBatch

_KEY = READING_KEY.names
_BATCHES_AT_ONCE = 5_000
_NAMED = 8
_MOST_HOURS = 1 << 38


@dataclass(frozen=True)
class Differing:
    """Where archive and outcomes differ."""

    outcomes: Outcomes
    batches: Ints
    """Numbers of the batches."""
    readings: Ints
    """Readings without an outcome or with a wrong one, as ``reading_keys`` numbers them."""

    def holds(self, rows: pa.Table) -> Mask:
        """Which rows of trusted files are among them."""
        if not len(self.readings):
            return np.zeros(len(rows), bool)
        return np.isin(_reading_keys_of(rows, self.outcomes), self.readings)


def reading_keys(numbers: Ints, series: AnyInts, position: AnyInts) -> Ints:
    """One number per reading, from its batch's number and its place in the batch."""
    # a message of a megabyte has less than 2^20 series and values
    return (numbers << 40) | (series.astype(np.int64) << 20) | position


def _reading_keys_of(rows: pa.Table, outcomes: Outcomes) -> Ints:
    series, position = (rows[name].to_numpy() for name in ("series", "position"))
    return reading_keys(outcomes.numbers(rows), series, position)


def compare_outcomes(
    proof: Proof, outcomes: Outcomes, trusted: TrustedFiles, evidence: Evidence, waiting: pa.Table
) -> Differing:
    """Notes what differs, and returns where.

    ``waiting``: the keys of unmapped readings of which quarantine has something else.
    """
    suspects = _differing(proof, outcomes)
    batches, readings = [_note_waiting(proof, outcomes, waiting)], [np.empty(0, np.int64)]
    for start in range(0, len(suspects), _BATCHES_AT_ONCE):
        chunk = suspects[start : start + _BATCHES_AT_ONCE]
        found = _outcomes_of(outcomes, chunk, trusted, evidence)
        wrong, untold = _compare_readings(proof, outcomes, chunk, found)
        batches.append(np.unique(outcomes.numbers(wrong)))
        readings.append(_reading_keys_of(untold, outcomes))
    _note_foreign(proof, outcomes)
    return Differing(outcomes, np.unique(np.concatenate(batches)), np.concatenate(readings))


def _note_foreign(proof: Proof, outcomes: Outcomes) -> None:
    outside = outcomes.archive.outside
    unknown = {name: count for name, count in outcomes.foreign.items() if name not in outside.gone}
    names = [f"batch {batch_id}" for batch_id in sorted(unknown)]
    proof.find(Finding.NOT_ARCHIVED, names, sum(unknown.values()))
    rest = sorted(outcomes.foreign_taken.keys() - unknown.keys() - outside.gone)
    proof.find(Finding.BATCH_NOT_ARCHIVED, rest, len(rest))
    uncompared = outcomes.foreign.total() - sum(unknown.values())
    proof.notes += outside.notes(proof.outside, uncompared)


def _note_waiting(proof: Proof, outcomes: Outcomes, waiting: pa.Table) -> Ints:
    """Returns the numbers of their batches."""
    numbers = np.unique(outcomes.numbers(waiting))
    numbers = numbers[numbers >= 0]
    named = outcomes.archive.batches(numbers[:_NAMED].tolist())
    proof.altered += len(waiting)
    proof.find(Finding.ALTERED_OUTCOME, _names(named, waiting), len(waiting))
    return numbers


def _differing(proof: Proof, outcomes: Outcomes) -> Ints:
    archive, is_taken = outcomes.archive, outcomes.place >= 0
    readings = np.where(is_taken, archive.column("readings"), 0)
    fingerprints = np.where(is_taken, archive.column("fingerprint"), 0)
    hours = np.clip(archive.column("window") // HOUR_MS, -_MOST_HOURS, _MOST_HOURS)
    keys = np.stack([outcomes.place, hours])
    buckets, bucket_of = np.unique(keys, axis=1, return_inverse=True)
    bucket_of = bucket_of.ravel()
    sums = np.zeros((4, buckets.shape[1]), np.int64)
    columns = (readings, outcomes.count, fingerprints, outcomes.fingerprint)
    for total, values in zip(sums, columns, strict=True):
        np.add.at(total, bucket_of, values)
    differs = (sums[0] != sums[1]) | (sums[2] != sums[3])
    proof.buckets += buckets.shape[1]
    for number in np.flatnonzero(sums[0] != sums[1]):
        place, hour = (int(value) for value in buckets[:, number])
        partition = None if place < 0 else "{}-{}".format(*outcomes.places[place])
        proof.differ(hour, partition, int(sums[0, number]), int(sums[1, number]))
    is_own = (readings != outcomes.count) | (fingerprints != outcomes.fingerprint)
    return np.flatnonzero(differs[bucket_of] & is_own)


def _outcomes_of(
    outcomes: Outcomes, batches: Ints, trusted: TrustedFiles, evidence: Evidence
) -> pa.Table:
    """`OUTCOME` of these batches, and ``kafka_ms``."""
    ids = outcomes.archive.ids()
    names = [ids[number] for number in batches]
    wanted = pa.array(names, pa.string())
    accepted = (
        _found(rows.filter(pc.is_in(rows["batch_id"], value_set=wanted)))
        for rows in trusted.tables(outcomes.files_with(batches))
    )
    return pa.concat_tables([_found(evidence.quarantined_of(names)), *accepted])


def _found(rows: pa.Table) -> pa.Table:
    return outcomes_of(rows).append_column("kafka_ms", rows["kafka_ms"])


def _compare_readings(
    proof: Proof, outcomes: Outcomes, numbers: Ints, found: pa.Table
) -> tuple[pa.Table, pa.Table]:
    """Returns the keys of all that is wrong, and of the readings without the right outcome."""
    archive = outcomes.archive
    batches = archive.batches(numbers)
    untaken = {archive.ids()[number] for number in numbers if outcomes.place[number] < 0}
    is_untaken = pc.is_in(found["batch_id"], value_set=pa.array(sorted(untaken), pa.string()))
    stray = found.filter(is_untaken).select(_KEY)
    found = found.filter(pc.invert(is_untaken))
    taken = {name: batch for name, batch in batches.items() if name not in untaken}
    expected = _expected(taken, found)
    counted = found.group_by(_KEY).aggregate([([], "count_all"), ("fingerprint", "max")])
    doubled = counted.filter(pc.greater(counted["count_all"], 1)).select(_KEY)
    missing = expected.join(counted, keys=_KEY, join_type="left anti").select(_KEY)
    foreign = counted.join(expected, keys=_KEY, join_type="left anti").select(_KEY)
    both = expected.join(counted, keys=_KEY, join_type="inner")
    is_other = pc.not_equal(both["fingerprint"], both["fingerprint_max"])
    altered = both.filter(pc.and_(pc.equal(both["count_all"], 1), is_other))
    altered = _unsettled(altered, taken)
    proof.missing += len(missing)
    proof.duplicated += len(doubled)
    proof.altered += len(altered)
    for rows, finding in (
        (missing, Finding.NO_OUTCOME),
        (doubled, Finding.SEVERAL_OUTCOMES),
        (altered, Finding.ALTERED_OUTCOME),
        (foreign, Finding.NOT_ARCHIVED),
        (stray, Finding.NOT_PROCESSED),
    ):
        proof.find(finding, _names(batches, rows), len(rows))
    untold = pa.concat_tables([missing, altered])
    return pa.concat_tables([untold, doubled, foreign, stray]), untold


def _unsettled(altered: pa.Table, batches: dict[str, SensorBatch]) -> pa.Table:
    """The keys of those that are not settled entries of the archived reading."""
    if not len(altered):
        return altered.select(_KEY)
    found = altered.select([*_KEY, "fingerprint_max"]).rename_columns(OUTCOME.names)
    settled = settled_outcomes([*batches.values()])
    return found.join(settled, keys=OUTCOME.names, join_type="left anti").select(_KEY)


def _expected(batches: dict[str, SensorBatch], found: pa.Table) -> pa.Table:
    """The outcomes of all readings of these batches, by the Kafka times that were found with them."""
    known = found.group_by("batch_id").aggregate([("kafka_ms", "max")])
    received = dict(zip(*(column.to_pylist() for column in known.columns), strict=True))
    times = [received.get(name, UNKNOWN_TIME) for name in batches]
    return expected_outcomes([*batches.values()], np.array(times, np.int64))[1]


def _names(batches: dict[str, SensorBatch], rows: pa.Table) -> list[str]:
    first = rows.select(_KEY).slice(0, _NAMED).to_pylist()
    return [reading_name(batches.get(key["batch_id"]), *key.values()) for key in first]


def name_batches(archive: ArchiveIndex, numbers: Ints) -> list[SensorBatch]:
    """The first of these batches, for the message."""
    return list(archive.batches(numbers[:_NAMED].tolist()).values())
