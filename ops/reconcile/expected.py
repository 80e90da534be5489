"""The rows that ``registro`` should have, from trusted files, mappings and quarantine."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from common.arrays import Ints, Mask
from db.checksums import HOUR_MS
from db.ledger import LedgerRow
from db.mapping import NO_MAPPING, active_ids, periods_by_patient
from db.read.evidence import Evidence
from ops.reconcile.compare_outcomes import reading_keys
from ops.reconcile.fingerprints import outcomes_of
from ops.reconcile.trusted import TrustedFiles
from schemas.batch import SensorBatch
from schemas.catalogue import canonical_component, canonical_name
from schemas.cleaning.clean import shared
from schemas.cleaning.flatten import arrays_of
from schemas.files.trusted import coded

_TEXT = pa.dictionary(pa.int32(), pa.string())
_COLUMNS = pa.schema(
    [
        ("mapping_id", pa.int64()),
        ("component", _TEXT),
        *((name, pa.int64()) for name in ("event_ms", "thousandths", "hour")),
        ("range", pa.int64()),
        ("offset", pa.int64()),
        *((name, pa.int32()) for name in ("series", "position", "file")),
    ]
)
_CANDIDATE = pa.schema(
    [("mapping_id", pa.int32()), ("component", pa.string()), ("event_ms", pa.int64())]
)


class ExpectedRows:
    """Finds the mapping of each accepted reading, and leaves out those still unmapped."""

    def __init__(self, trusted: TrustedFiles, evidence: Evidence) -> None:
        """Reads the mappings."""
        self.trusted, self.evidence = trusted, evidence
        self._periods = periods_by_patient(evidence.mappings())
        self._undone = evidence.undone()
        self._waiting: tuple[int, Ints, Ints] = (-1, np.empty(0, np.int64), np.empty(0, np.int64))

    def of(self, rows: pa.Table) -> pa.Table:
        """The rows that should be in ``registro``, with the columns that tell which is the newest."""
        mapping_id, is_unmapped, _ = self.sorted_out(rows)
        return self.mapped(rows, mapping_id, is_unmapped)

    def mapped(self, rows: pa.Table, mapping_id: Ints, is_unmapped: Mask) -> pa.Table:
        """As ``of``, with the result of ``sorted_out``."""
        columns = {
            "mapping_id": pa.array(mapping_id),
            "hour": pa.array(rows["event_ms"].to_numpy() // HOUR_MS),
            "range": pa.array(self.trusted.range_of[rows["file"].to_numpy()]),
        }
        whole = [columns[name] if name in columns else rows[name] for name in _COLUMNS.names]
        table = pa.Table.from_arrays(whole, schema=_COLUMNS)
        found = table.filter(pa.array((mapping_id != NO_MAPPING) & ~is_unmapped)).combine_chunks()
        return self._without_undone(found) if len(self._undone) else found

    def _without_undone(self, rows: pa.Table) -> pa.Table:
        """Without the readings that a person has taken back."""
        ranges = [(part.topic, part.partition) for part in self.trusted.ranges]
        places = [ranges[number] for number in rows["range"].to_pylist()]
        keyed = rows.append_column("topic", pa.array([topic for topic, _ in places], pa.string()))
        keyed = keyed.append_column("partition", pa.array([one for _, one in places], pa.int64()))
        at = keyed.schema.get_field_index("component")
        keyed = keyed.set_column(at, "component", keyed["component"].cast(pa.string()))
        names = self._undone.schema.names
        left = keyed.join(self._undone, keys=names, join_type="left anti")
        return left.select(_COLUMNS.names).cast(_COLUMNS).combine_chunks()

    def sorted_out(self, rows: pa.Table) -> tuple[Ints, Mask, Mask]:
        """By row: its mapping id or ``NO_MAPPING``, and whether it is unmapped according to quarantine.

        The third: whether quarantine has it otherwise than the trusted file.
        """
        mapping_id = self._mapping_ids(rows)
        is_unmapped, is_altered = np.zeros((2, len(rows)), bool)
        numbers = self.trusted.range_of[rows["file"].to_numpy()]
        for number in np.unique(numbers):
            part = self.trusted.ranges[number]
            if not part.counts.unmapped:
                continue
            own = np.flatnonzero(numbers == number)
            places = _places(part, rows, own)
            waiting, fingerprints = self._unmapped(int(number))
            is_waiting = np.isin(places, waiting)
            is_unmapped[own] = is_waiting
            own, places = own[is_waiting], places[is_waiting]
            its = outcomes_of(rows.take(pa.array(own)))["fingerprint"].to_numpy()
            is_altered[own] = its != fingerprints[np.searchsorted(waiting, places)]
        return mapping_id, is_unmapped, is_altered

    def nothing(self) -> pa.Table:
        """What ``of`` returns for no rows."""
        return _COLUMNS.empty_table()

    def candidates(self, batches: Mapping[int, SensorBatch], missing: Ints, hour: int) -> pa.Table:
        """Rows that ``missing`` readings of these batches (by number) may have had in this hour.

        Only the cleaning knows whether they were accepted.
        """
        series, readings = arrays_of(*batches.values())
        message, of_series = series.message[readings.series], pa.array(readings.series)
        patients = [batch.patient_id for batch in batches.values()]
        sensors = list(map(canonical_name, series.sensor.to_pylist()))
        components = list(map(canonical_component, series.component.to_pylist()))
        rows = pa.table(
            {
                "patient_id": shared(pa.array(patients, pa.string()), pa.array(message)),
                "sensor": shared(pa.array(sensors, pa.string()), of_series),
                "component": shared(pa.array(components, pa.string()), of_series),
                "event_ms": readings.event_ms,
            }
        )
        numbers = np.array([*batches], np.int64)[message]
        keys = reading_keys(numbers, series.number[readings.series], readings.position)
        is_wanted = readings.is_time & (readings.event_ms // HOUR_MS == hour)
        rows = rows.filter(pa.array(is_wanted & np.isin(keys, missing)))
        mapping_id = self._mapping_ids(rows)
        found = rows.append_column("mapping_id", pa.array(mapping_id))
        found = found.filter(pa.array(mapping_id != NO_MAPPING))
        return found.select(_CANDIDATE.names).cast(_CANDIDATE)

    def _mapping_ids(self, rows: pa.Table) -> Ints:
        """The id for each row of ``patient_id, sensor, event_ms``, or ``NO_MAPPING``."""
        patients, patient = coded(rows["patient_id"])
        sensors, sensor = coded(rows["sensor"])
        pairs, inverse = np.unique(patient * len(sensors) + sensor, return_inverse=True)
        worn = [divmod(pair, len(sensors)) for pair in pairs.tolist()]
        periods = [
            self._periods.get(patients[who], {}).get(sensors[what], ()) for who, what in worn
        ]
        return active_ids(periods, inverse, rows["event_ms"].to_numpy())

    def _unmapped(self, number: int) -> tuple[Ints, Ints]:
        """The places of a range's unmapped readings, in order, and their fingerprints."""
        # rows of one range come one after the other
        if self._waiting[0] != number:
            part = self.trusted.ranges[number]
            rows = self.evidence.unmapped(part)
            places = _places(part, rows)
            order = np.argsort(places)
            fingerprints = outcomes_of(rows)["fingerprint"].to_numpy()
            self._waiting = (number, places[order], fingerprints[order])
        return self._waiting[1:]


def _places(part: LedgerRow, rows: pa.Table, own: Ints | slice = slice(None)) -> Ints:
    # a range has less than 2^23 messages
    columns = ("offset", "series", "position")
    offset, series, position = (rows[name].to_numpy()[own] for name in columns)
    return reading_keys(offset - part.first, series, position)
