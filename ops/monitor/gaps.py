"""Keeps ``lacuna`` in step with ``registro``, even if no monitor ran when the samples came."""

from db.connection import KeptConnection
from db.faults import reported
from db.mend import cadence
from db.mend.cadence import Gap
from ops.monitor.cadence import GapBook

_CHECKED_AT_ONCE = 4_000
_ROWS_PER_SWEEP = 1_000
_BEGINNING = (0, 0)


class GapKeeper:
    """Writes the gaps that the book finds, and sweeps through those that are in the table.

    ``registro`` decides: a gap that it contradicts is not written, and one that was written by an
    earlier monitor is removed or corrected.
    """

    def __init__(self, book: GapBook, reader: KeptConnection, writer: KeptConnection) -> None:
        """Reads and writes nothing yet."""
        self._book, self._reader, self._writer = book, reader, writer
        self._swept = _BEGINNING

    def settle(self, horizon_ms: int) -> None:
        """Writes what has changed. What cannot be written is written by a later call.

        Raises UnavailableError or ConfigurationError.
        """
        missing, filled = self._book.settle(horizon_ms)
        if not missing and not filled:
            return
        try:
            checked, rest = missing[:_CHECKED_AT_ONCE], missing[_CHECKED_AT_ONCE:]
            lacking, complete = self._checked(checked)
            # a sweep checks the rest: while a whole ward is silent, registro is not asked for all
            cadence.settle_gaps(self._writer.get(), [*lacking, *rest], [*filled, *complete])
        except BaseException:
            self._book.forget(missing, filled)
            raise

    def sweep(self) -> bool:
        """Checks the next rows of the table; True at its end, where the next call starts again.

        Raises as ``settle`` does.
        """
        with reported("check the missing samples"):
            rows = cadence.gaps_after(self._reader.get(), self._swept, limit=_ROWS_PER_SWEEP)
        lacking, complete = self._checked(rows)
        before = set(rows)
        changed = [gap for gap in lacking if gap not in before]
        if changed or complete:
            cadence.settle_gaps(self._writer.get(), changed, complete)
        is_end = len(rows) < _ROWS_PER_SWEEP
        self._swept = _BEGINNING if is_end else _place(rows[-1])
        return is_end

    def _checked(self, gaps: list[Gap]) -> tuple[list[Gap], list[tuple[int, int]]]:
        """Those that lack samples by ``registro``, and the places of those that are complete."""
        if not gaps:
            return [], []
        with reported("check the missing samples"):
            stored = cadence.as_stored(self._reader.get(), gaps)
        lacking = [gap for gap in stored if gap.received < gap.expected]
        return lacking, [_place(gap) for gap in stored if gap.received >= gap.expected]


def _place(gap: Gap) -> tuple[int, int]:
    return gap.mapping_id, gap.window_ms
