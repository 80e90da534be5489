"""The garbage collector of a process that makes many objects which end by their reference count."""

import gc

_YOUNG_OBJECTS = 50_000


def spare_what_is_loaded() -> None:
    """Takes everything that is loaded now out of the collector's passes, and lets it pass rarely.

    To be called when a process has what it needs and begins its work: what is alive by then is
    never collected. Batches and series have no cycles, yet every 700 new ones start a pass, and
    every so often one over all modules: a third of the producer's time (docs/decisions/0016).
    Safe to repeat.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)
