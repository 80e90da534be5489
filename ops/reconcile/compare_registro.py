"""Trusted files against ``registro``: it holds the newest accepted value of every mapped key.

Compares counts and checksums by hour (of the reading); if an hour differs, by mapping; if a mapping
differs, row by row. Superseded values make an hour differ, so they are found among the rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.arrays import Ints, Mask
from db.checksums import HOUR_MS, Sums, add_sums, row_checksums, sums_by
from db.mapping import NO_MAPPING
from db.read.evidence import REGISTRO_ROW
from ops.reconcile.compare_outcomes import Differing
from ops.reconcile.expected import ExpectedRows
from ops.reconcile.findings import Finding
from ops.reconcile.proof import Proof, row_names

_ROWS_AT_ONCE = 500_000
_ROW = ["mapping_id", "component", "event_ms"]
_ORDER = ("range", "offset", "series", "position")


@dataclass
class Differences:
    """The rows that ``registro`` lacks or has with another value: only the damage, so it is small."""

    missing: list[pa.Table] = field(default_factory=list)
    altered: list[pa.Table] = field(default_factory=list)
    """With ``found``: the stored value in thousandths."""


@dataclass
class RegistroCheck:
    """One comparison; ``note`` gets all trusted rows once, ``compare`` reads some of them again."""

    expected: ExpectedRows
    _sums: Sums = field(default_factory=dict)
    _in_files: list[Ints] = field(default_factory=list)
    _differences: Differences = field(default_factory=Differences)

    def note(self, rows: pa.Table) -> tuple[int, int, Mask]:
        """Adds rows of trusted files.

        Returns how many are unmapped: marked as such in quarantine, and not marked; and which of them
        quarantine has otherwise.
        """
        mapping_id, is_unmapped, is_altered = self.expected.sorted_out(rows)
        mapped = self.expected.mapped(rows, mapping_id, is_unmapped)
        hours = mapped["hour"].to_numpy()
        add_sums(self._sums, sums_by(hours, _checksums(mapped)))
        files = mapped["file"].to_numpy().astype(np.int64)
        self._in_files.append(np.unique(_paired(hours, files)))
        unmarked = (mapping_id == NO_MAPPING) & ~is_unmapped
        return int(is_unmapped.sum()), int(unmarked.sum()), is_altered

    def compare(self, proof: Proof, differing: Differing) -> Differences:
        """Notes what differs; returns the rows that a repair can correct.

        ``registro`` is not measured by what became of readings without the right outcome.
        """
        stored = self.expected.evidence.registro_hours()
        proof.buckets += len(self._sums.keys() | stored.keys())
        proof.registro = sum(count for count, _ in stored.values())
        for chunk in _differing(self._sums, stored):
            self._compare_hours(chunk, proof, differing)
        return self._differences

    def _compare_hours(self, hours: list[int], proof: Proof, differing: Differing) -> None:
        wanted = set(hours)
        mappings = self.expected.evidence.registro_mappings(hours[0], hours[-1] + 1)
        stored = {key: sums for key, sums in mappings.items() if key[0] in wanted}
        expected: Sums = {}
        for rows in self._rows(hours, differing):
            add_sums(expected, sums_by(_pair_keys(rows), _checksums(rows)))
        expected = {(key >> 32, key & 0xFFFFFFFF): sums for key, sums in expected.items()}
        for chunk in _differing(expected, stored):
            self._compare_rows(chunk, proof, differing)

    def _compare_rows(
        self, pairs: list[tuple[int, int]], proof: Proof, differing: Differing
    ) -> None:
        by_hour: dict[int, list[int]] = {}
        for hour, mapping_id in pairs:
            by_hour.setdefault(hour, []).append(mapping_id)
        keys = _paired(*np.array(pairs, np.int64).T)
        mapped = pa.concat_tables(
            [
                rows.filter(pa.array(np.isin(_pair_keys(rows), keys)))
                for rows in self._rows(list(by_hour), differing)
            ]
            or [self.expected.nothing()]
        )
        expected = _newest(mapped)
        evidence = self.expected.evidence
        stored = pa.concat_tables(evidence.registro_rows(*some) for some in by_hour.items())
        proof.superseded += len(mapped) - len(expected)
        missing = expected.join(stored, keys=_ROW, join_type="left anti")
        unexpected = stored.join(expected, keys=_ROW, join_type="left anti")
        both = expected.join(stored, keys=_ROW, join_type="inner", right_suffix="_found")
        altered = both.filter(pc.not_equal(both["thousandths"], both["thousandths_found"]))
        if len(unexpected) or len(altered):
            may_be = pa.concat_tables(self._candidates(differing, hour) for hour in by_hour)
            unexpected = unexpected.join(may_be, keys=_ROW, join_type="left anti")
            altered = altered.join(may_be, keys=_ROW, join_type="left anti")
        _note(proof, missing, unexpected, altered)
        self._differences.missing.append(missing)
        self._differences.altered.append(altered.rename_columns([*REGISTRO_ROW.names, "found"]))

    def _candidates(self, differing: Differing, hour: int) -> pa.Table:
        """The rows that readings without the right outcome may have in this hour."""
        archive, own = differing.outcomes.archive, differing.batches
        first, last = (archive.column(name)[own] // HOUR_MS for name in ("first", "last"))
        numbers = own[(first <= hour) & (hour <= last)]
        batches = archive.batches(numbers.tolist())
        by_number = {archive.number[name]: batch for name, batch in batches.items()}
        return self.expected.candidates(by_number, differing.readings, hour)

    def _rows(self, hours: list[int], differing: Differing) -> Iterator[pa.Table]:
        pairs = np.concatenate([np.empty(0, np.int64), *self._in_files])
        wanted = np.array(hours)
        hits = pairs[np.isin(pairs >> 32, wanted)]
        files = sorted({int(hit) for hit in hits & 0xFFFFFFFF})
        for rows in self.expected.trusted.tables(files):
            mapped = self.expected.of(rows.filter(pa.array(~differing.holds(rows))))
            yield mapped.filter(pa.array(np.isin(mapped["hour"].to_numpy(), wanted)))


def _note(proof: Proof, missing: pa.Table, unexpected: pa.Table, altered: pa.Table) -> None:
    proof.missing += len(missing)
    proof.duplicated += len(unexpected)
    proof.altered += len(altered)
    for rows, finding in (
        (missing, Finding.MISSING_ROW),
        (unexpected, Finding.UNEXPECTED_ROW),
        (altered, Finding.ALTERED_ROW),
    ):
        proof.find(finding, row_names(rows), len(rows))


def _newest(mapped: pa.Table) -> pa.Table:
    ordered = mapped.sort_by([(column, "ascending") for column in _ORDER])
    ordered = ordered.select(REGISTRO_ROW.names).cast(REGISTRO_ROW)
    newest = ordered.group_by(_ROW, use_threads=False).aggregate([("thousandths", "last")])
    return newest.rename_columns([*_ROW, "thousandths"]).cast(REGISTRO_ROW)


def _checksums(rows: pa.Table) -> Ints:
    return row_checksums(*(rows[name].combine_chunks() for name in REGISTRO_ROW.names))


def _pair_keys(rows: pa.Table) -> Ints:
    return _paired(rows["hour"].to_numpy(), rows["mapping_id"].to_numpy())


def _paired(hours: Ints, numbers: Ints) -> Ints:
    # hours since 1970 reach from -8.5 to 70 million: with their sign, they fit above 32 bits
    return (hours << 32) | numbers


def _differing(expected: Sums, stored: Sums) -> Iterator[list[Any]]:
    """The buckets that differ, in order, about half a million rows at a time."""
    chunk: list[Any] = []
    held = 0
    for key in sorted(expected.keys() | stored.keys()):
        if expected.get(key) == stored.get(key):
            continue
        size = max(sums[key][0] for sums in (expected, stored) if key in sums)
        if chunk and held + size > _ROWS_AT_ONCE:
            yield chunk
            chunk, held = [], 0
        chunk.append(key)
        held += size
    if chunk:
        yield chunk
