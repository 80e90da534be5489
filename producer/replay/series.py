"""Readings at any times as series of regular ones, without losing a reading or its order."""

from itertools import pairwise

import numpy as np

from common.arrays import Ints, Mask
from schemas.batch import SINGLE_INTERVAL_MS

_SHORTEST_RUN = 3


def layers(group: Ints, time_ms: Ints) -> Ints:
    """How many earlier rows have the same group and time.

    Rows of one layer never share an instant, so a layer can be cut into series; and written layer
    after layer, what came later in the file comes later in the batch.
    """
    order = np.lexsort((np.arange(len(time_ms)), time_ms, group))
    is_first = _starts(group[order], time_ms[order])
    index = np.arange(len(order))
    occurrence = index - np.maximum.accumulate(np.where(is_first, index, 0))
    found = np.empty(len(order), dtype=np.int64)
    found[order] = occurrence
    return found


def regular_runs(group: Ints, time_ms: Ints) -> list[tuple[int, int, int]]:
    """Cuts sorted rows into ``(begin, end, interval_ms)``, each of one group and equally spaced.

    ``group`` ascending, ``time_ms`` strictly ascending within it. Runs of three and more; what is
    between them is cut into single rows. Together the runs are all rows, in their order.
    """
    if not len(time_ms):
        return []
    step = np.diff(time_ms)
    is_within = np.diff(group) == 0
    step = np.where(is_within, step, 0)
    change = np.flatnonzero(np.diff(step)) + 1
    edges = [0, *change.tolist(), len(step)]
    runs: list[tuple[int, int, int]] = []
    done = 0
    steps = step.tolist()
    for begin, end in pairwise(edges):
        # steps begin..end are equal: rows begin..end+1 are equally spaced, and those before
        # ``done`` belong to the run before
        first = max(begin, done)
        if begin < end and steps[begin] > 0 and end + 1 - first >= _SHORTEST_RUN:
            runs += _singles(done, first)
            runs.append((first, end + 1, steps[begin]))
            done = end + 1
    return runs + _singles(done, len(time_ms))


def _singles(begin: int, end: int) -> list[tuple[int, int, int]]:
    return [(row, row + 1, SINGLE_INTERVAL_MS) for row in range(begin, end)]


def _starts(*columns: Ints) -> Mask:
    """True where a row of sorted columns differs from the one before."""
    found = np.ones(len(columns[0]), dtype=bool)
    found[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return found
