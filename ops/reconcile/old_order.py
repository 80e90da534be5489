"""The order in which values were made known: batches that are published again must keep it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from common.arrays import Ints
from db.ledger import LedgerRow


@dataclass(frozen=True)
class OldOrder:
    """By batch."""

    places: Ints
    """A processed batch's place in the order of values; -1 for one that was never processed."""
    known_ms: Ints
    """Since when its values are known, epoch ms: since its commit, or as its message said."""


def old_order(
    range_of: Ints,
    offset: Ints,
    produced: Ints,
    ranges: Sequence[LedgerRow],
    said: Mapping[int, int],
) -> OldOrder:
    """The order of the commits, over all partitions (``ranges`` are in it; arrays are by batch).

    A batch that came late has its place where its values were made known (``said``: by batch number,
    epoch ms), before those that were committed later. For a batch that was never processed the time of
    production counts.
    """
    committed = np.maximum.accumulate(np.array([part.committed_ms for part in ranges], np.int64))
    turn, known_ms = range_of.astype(np.float64), produced.copy()
    taken = np.flatnonzero(range_of >= 0)
    known_ms[taken] = committed[range_of[taken]]
    within = np.zeros(len(range_of), np.int64)
    for number, said_ms in said.items():
        if range_of[number] < 0 or said_ms >= known_ms[number]:
            continue
        known_ms[number] = within[number] = said_ms
        earlier = np.searchsorted(committed, said_ms, side="right") - 0.5
        turn[number] = min(earlier, turn[number])
    places = np.full(len(range_of), -1, np.int64)
    places[taken[np.lexsort((offset[taken], within[taken], turn[taken]))]] = np.arange(len(taken))
    return OldOrder(places, known_ms)


def in_old_order(numbers: Ints, places: Ints, produced: Ints, patient: Ints) -> Ints:
    """Sorts batches into their original order (all other arrays by batch; ``places``: of `OldOrder`).

    Compared with one that was never processed, the time of production counts.
    """
    turn = produced.copy()
    taken = np.flatnonzero(places >= 0)
    taken = taken[np.lexsort((places[taken], patient[taken]))]
    for own in np.split(taken, np.flatnonzero(np.diff(patient[taken])) + 1):
        turn[own] = np.maximum.accumulate(produced[own])
    return numbers[np.lexsort((places[numbers], turn[numbers]))]


def rising(numbers: Ints, known_ms: Ints, patient: Ints, *, until_ms: int) -> Ints:
    """``known_ms`` of ``numbers``, in their order: of one patient each is younger than those before it.

    None is younger than ``until_ms``: the last ones move back, so that their order stays.
    """
    found = known_ms[numbers]
    for own_patient in np.unique(patient[numbers]):
        own = np.flatnonzero(patient[numbers] == own_patient)
        turn = np.arange(len(own))
        risen = np.maximum.accumulate(found[own] - turn) + turn
        found[own] = np.minimum(risen, until_ms - turn[::-1])
    return found
