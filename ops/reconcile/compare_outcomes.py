"""Archive against outcomes: every archived reading that was processed has one.

Compares counts and checksums by hour (of the window) and topic partition; if a bucket differs, its
batches; if a batch differs, its readings.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.arrays import AnyInts, Ints
from db.checksums import HOUR_MS
from db.read.evidence import READING_KEY, Evidence
from ops.reconcile.archive import ArchiveIndex
from ops.reconcile.findings import Finding
from ops.reconcile.outcomes import Outcomes
from ops.reconcile.proof import Proof, reading_name
from ops.reconcile.trusted import TrustedFiles
from schemas.batch import SensorBatch

_KEY = READING_KEY.names
_BATCHES_AT_ONCE = 5_000
_MOST_HOURS = 1 << 38


@dataclass(frozen=True)
class Differing:
    """Where archive and outcomes differ."""

    batches: Ints
    """Numbers of the batches."""
    missing: Ints
    """Readings without an outcome, as ``reading_keys`` numbers them."""


def reading_keys(numbers: Ints, series: AnyInts, position: AnyInts) -> Ints:
    """One number per reading, from its batch's number and its place in the batch."""
    # a message of a megabyte has less than 2^20 series and values
    return (numbers << 40) | (series.astype(np.int64) << 20) | position


def compare_outcomes(
    proof: Proof, outcomes: Outcomes, trusted: TrustedFiles, evidence: Evidence
) -> Differing:
    """Notes what differs, and returns where."""
    batches = _differing(proof, outcomes)
    missing = [np.empty(0, np.int64)]
    for start in range(0, len(batches), _BATCHES_AT_ONCE):
        chunk = batches[start : start + _BATCHES_AT_ONCE]
        keys = _outcome_keys(outcomes, chunk, trusted, evidence)
        rows = _compare_readings(proof, outcomes, chunk, keys)
        numbers = [outcomes.archive.number[name] for name in rows["batch_id"].to_pylist()]
        places = (rows[name].to_numpy() for name in ("series", "position"))
        missing.append(reading_keys(np.array(numbers, np.int64), *places))
    names = [f"batch {batch_id}" for batch_id in sorted(outcomes.foreign)]
    proof.find(Finding.NOT_ARCHIVED, names, sum(outcomes.foreign.values()))
    rest = sorted(outcomes.foreign_taken.keys() - outcomes.foreign.keys())
    proof.find(Finding.BATCH_NOT_ARCHIVED, rest, len(rest))
    return Differing(batches, np.concatenate(missing))


def _differing(proof: Proof, outcomes: Outcomes) -> Ints:
    archive, is_taken = outcomes.archive, outcomes.place >= 0
    readings = np.where(is_taken, archive.column("readings"), 0)
    checksums = np.where(is_taken, archive.column("checksum"), 0)
    hours = np.clip(archive.column("window") // HOUR_MS, -_MOST_HOURS, _MOST_HOURS)
    keys = np.stack([outcomes.place, hours])
    buckets, bucket_of = np.unique(keys, axis=1, return_inverse=True)
    bucket_of = bucket_of.ravel()
    sums = np.zeros((4, buckets.shape[1]), np.int64)
    columns = (readings, outcomes.count, checksums, outcomes.checksum)
    for total, values in zip(sums, columns, strict=True):
        np.add.at(total, bucket_of, values)
    differs = (sums[0] != sums[1]) | (sums[2] != sums[3])
    proof.buckets += buckets.shape[1]
    for number in np.flatnonzero(differs):
        place, hour = (int(value) for value in buckets[:, number])
        partition = None if place < 0 else "{}-{}".format(*outcomes.places[place])
        proof.differ(hour, partition, int(sums[0, number]), int(sums[1, number]))
    is_own = (readings != outcomes.count) | (checksums != outcomes.checksum)
    return np.flatnonzero(differs[bucket_of] & is_own)


def _outcome_keys(
    outcomes: Outcomes, batches: Ints, trusted: TrustedFiles, evidence: Evidence
) -> pa.Table:
    ids = outcomes.archive.ids()
    names = [ids[number] for number in batches]
    found = [evidence.quarantined_keys(names)]
    wanted = pa.array(names, pa.string())
    for rows in trusted.tables(outcomes.files_with(batches)):
        keys = rows.select(_KEY).cast(READING_KEY)
        found.append(keys.filter(pc.is_in(keys["batch_id"], value_set=wanted)))
    return pa.concat_tables(found)


def _compare_readings(proof: Proof, outcomes: Outcomes, numbers: Ints, keys: pa.Table) -> pa.Table:
    """Returns the keys without an outcome."""
    archive = outcomes.archive
    batches = archive.batches(numbers)
    untaken = {archive.ids()[number] for number in numbers if outcomes.place[number] < 0}
    is_untaken = pc.is_in(keys["batch_id"], value_set=pa.array(sorted(untaken), pa.string()))
    stray = keys.filter(is_untaken)
    keys = keys.filter(pc.invert(is_untaken))
    archived = _archived_keys(
        {name: batch for name, batch in batches.items() if name not in untaken}
    )
    counted = keys.append_column("one", pa.repeat(1, len(keys)))
    counted = counted.group_by(_KEY).aggregate([("one", "sum")])
    doubled = counted.filter(pc.greater(counted["one_sum"], 1))
    missing = archived.join(counted, keys=_KEY, join_type="left anti")
    foreign = counted.join(archived, keys=_KEY, join_type="left anti")
    proof.missing += len(missing)
    proof.duplicated += len(doubled)
    for rows, finding in (
        (missing, Finding.NO_OUTCOME),
        (doubled, Finding.SEVERAL_OUTCOMES),
        (foreign, Finding.NOT_ARCHIVED),
        (stray, Finding.NOT_PROCESSED),
    ):
        proof.find(finding, _names(batches, rows), len(rows))
    return missing


def _names(batches: dict[str, SensorBatch], rows: pa.Table) -> list[str]:
    first = rows.select(_KEY).slice(0, 8).to_pylist()
    return [reading_name(batches.get(key["batch_id"]), *key.values()) for key in first]


def _archived_keys(batches: dict[str, SensorBatch]) -> pa.Table:
    """One row per reading: batch_id, series, position."""
    lengths = [(name, [len(run.values) for run in batch.series]) for name, batch in batches.items()]
    parts = [
        pa.Table.from_arrays(
            [
                pa.repeat(pa.scalar(name), sum(counts)),
                pa.array(np.repeat(np.arange(len(counts)), counts), pa.int32()),
                pa.array(np.concatenate([np.arange(length) for length in counts]), pa.int32()),
            ],
            schema=READING_KEY,
        )
        for name, counts in lengths
        if sum(counts)
    ]
    return pa.concat_tables([READING_KEY.empty_table(), *parts])


def name_batches(archive: ArchiveIndex, numbers: Ints) -> list[SensorBatch]:
    """The first of these batches, for the message."""
    return list(archive.batches(int(number) for number in numbers[:8]).values())
