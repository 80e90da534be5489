"""Which row of ``paciente_sensor`` each trusted reading belongs to, for many rows at once."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from db.mapping import Mapping

NONE = -1


class MappingIndex:
    """The active periods by patient and sensor."""

    def __init__(self, mappings: Iterable[Mapping]) -> None:
        """``mappings``: periods of one patient and sensor never overlap."""
        self._periods: dict[tuple[str, str], list[Mapping]] = defaultdict(list)
        for each in mappings:
            self._periods[each.patient_id, each.sensor].append(each)

    def mapping_ids(self, rows: pa.Table) -> Any:
        """A NumPy array: the id for each row of ``patient_id, sensor, event_ms``; else ``NONE``."""
        pairs, inverse = _distinct_pairs(rows)
        event_ms = rows["event_ms"].to_numpy()
        found = np.full(len(rows), NONE, np.int64)
        # nearly every sensor has one period: one look at all rows does it
        for turn in range(max((len(self._periods.get(pair, ())) for pair in pairs), default=0)):
            periods = [self._period(pair, turn) for pair in pairs]
            ids, first, until = (
                np.array(each, np.int64)[inverse] for each in zip(*periods, strict=True)
            )
            is_active = (event_ms >= first) & (event_ms < until)
            found[is_active] = ids[is_active]
        return found

    def _period(self, pair: tuple[str, str], turn: int) -> tuple[int, int, int]:
        periods = self._periods.get(pair, ())
        if turn >= len(periods):
            return NONE, 0, 0
        return periods[turn].mapping_id, periods[turn].from_ms, periods[turn].until_ms


def _distinct_pairs(rows: pa.Table) -> tuple[list[tuple[str, str]], Any]:
    patients, patient = _codes(rows["patient_id"])
    sensors, sensor = _codes(rows["sensor"])
    distinct, inverse = np.unique(patient * max(1, len(sensors)) + sensor, return_inverse=True)
    pairs = [
        (patients[int(each) // len(sensors)], sensors[int(each) % len(sensors)])
        for each in distinct
    ]
    return pairs, inverse


def _codes(column: pa.ChunkedArray) -> tuple[list[str], Any]:
    values = column.combine_chunks()
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    return values.dictionary.to_pylist(), values.indices.to_numpy().astype(np.int64)
