"""The garbage collector skips what is loaded at startup, not what comes later."""

import gc
import weakref

from common.collector import spare_what_is_loaded


class Node:
    """An object that can be part of a cycle."""

    def __init__(self):
        self.itself = self


def test_loaded_objects_are_frozen_and_later_cycles_are_still_collected():
    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        spare_what_is_loaded()
        assert gc.get_freeze_count() > frozen
        later = weakref.ref(Node())
        gc.collect()
        assert later() is None
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
