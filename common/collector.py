"""Garbage collection in a process whose many objects are freed by reference counting."""

import gc

_YOUNG_OBJECTS = 50_000


def spare_what_is_loaded() -> None:
    """Exempts everything that is loaded now from garbage collection, and makes passes rare.

    Call it once a process is set up and begins its work: what is alive by then is never collected.
    Batches and series have no cycles, yet every 700 new ones trigger a pass, sometimes over all
    modules: a third of the producer's time (docs/decisions/0016). Safe to repeat.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)
