"""Readings in quarantine because a newer value is stored: there must be one."""

import pyarrow as pa
import pyarrow.compute as pc

from db.read.evidence import Evidence
from db.read.quarantined import READING_KEY
from ops.reconcile.trusted import TrustedFiles

_INSTANT = ("patient_id", "sensor", "component", "event_ms")


class OvertakenCheck:
    """``note`` gets all trusted rows once; what has found no newer value by then is ``unexplained``."""

    def __init__(self, trusted: TrustedFiles, evidence: Evidence) -> None:
        """Reads the entries; usually there are none."""
        self._trusted = trusted
        self._left = evidence.overtaken()
        self._known = evidence.known_since() if len(self._left) else {}

    def note(self, rows: pa.Table) -> None:
        """Looks for newer values among rows of trusted files."""
        if not len(self._left):
            return
        near = rows.filter(pc.is_in(rows["event_ms"], value_set=self._left["event_ms"].unique()))
        newest: dict[tuple[str, ...], int] = {}
        columns = (near[name].to_pylist() for name in (*_INSTANT, "batch_id", "file"))
        for *instant, batch_id, file in zip(*columns, strict=True):
            part = self._trusted.ranges[int(self._trusted.range_of[file])]
            known_ms = self._known.get(batch_id, part.committed_ms)
            newest[tuple(instant)] = max(known_ms, newest.get(tuple(instant), known_ms))
        columns = (self._left[name].to_pylist() for name in (*_INSTANT, "batch_id"))
        is_left = [
            newest.get(tuple(instant), 0) <= self._known.get(batch_id, 1 << 62)
            for *instant, batch_id in zip(*columns, strict=True)
        ]
        self._left = self._left.filter(pa.array(is_left, pa.bool_()))

    @property
    def unexplained(self) -> pa.Table:
        """`READING_KEY` of the readings for which there is no newer value."""
        return self._left.select(READING_KEY.names)
