"""Several tests at a time: how many workers, what each of them takes next, and what runs alone.

The longest tests start first. Those with the mark ``alone`` measure time or memory: they begin when
every other worker has ended, with its broker and its database.
"""

import functools
import json
import os
import tempfile
from itertools import chain
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

KNOWN_SECONDS = Path(__file__).parent / "data" / "seconds.json"
"""What each scope took in a whole run on two cores; ``--keep-seconds`` writes it."""
ALONE, UNITS = "alone", "units"
# a broker, a database and a consumer each
_BYTES_A_WORKER = 2_000_000_000
# their tests share what takes long to start: a browser, Spark
_SHARING = ("tests/browser", "tests/spark")
# each of their tests has a pipeline of its own
_SINGLE = ("tests/services/", "tests/docs/")


def unit_of(item):
    """The name of what one worker runs in one go, with this test in it."""
    if item.get_closest_marker(ALONE):
        return f"{ALONE} {item.nodeid}"
    file = item.nodeid.partition("::")[0]
    # a worker that comes back to a file makes what its tests share once more
    fixtures = chain.from_iterable(item._fixtureinfo.name2fixturedefs.values())
    is_shared = any(each.scope == "module" and each.baseid == file for each in fixtures)
    return file if is_shared else scope_of(item.nodeid)


def units_by_name(items):
    """The unit of each test, by its name."""
    units = {item.nodeid: unit_of(item) for item in items}
    files = set(units.values())
    for name, unit in units.items():
        # the other tests of such a file share something slow to start, too
        if unit in _SHARING and (file := name.partition("::")[0]) in files:
            units[name] = file
    return units


def scope_of(nodeid):
    """A folder, a file, or a single test."""
    for folder in _SHARING:
        if nodeid.startswith(f"{folder}/"):
            return folder
    return nodeid if nodeid.startswith(_SINGLE) else nodeid.partition("::")[0]


def expected_seconds(unit):
    """A second where nothing is known; a new test of a pipeline starts before the short ones."""
    return _known_seconds().get(unit, 20 if unit.startswith("tests/services/") else 1)


@functools.cache
def _known_seconds():
    return json.loads(KNOWN_SECONDS.read_text(encoding="utf-8"))


def pytest_xdist_auto_num_workers(config):
    """Half as many again as cores, since tests wait a third of their time; none for a chosen few."""
    chosen = [name for name in config.args if "::" in name or name.endswith(".py")]
    if chosen or config.option.keyword:
        return 0
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min((cores or 1) * 3 // 2, memory * 3 // 4 // _BYTES_A_WORKER))


def pytest_configure_node(node):
    """Where the worker says what belongs together: the tests' names are all that reaches us."""
    folder = node.config.stash.setdefault(_SHARED, Path(tempfile.mkdtemp(prefix="vitals-tests-")))
    node.workerinput[UNITS] = str(folder / node.gateway.id)


_SHARED = pytest.StashKey[Path]()


def units_of(node):
    """The unit of each test, by its name, as a worker has found them."""
    return json.loads(Path(node.workerinput[UNITS]).read_text())


def pytest_collection_modifyitems(config, items):
    """In a worker: the longest scopes first, those that run alone last."""
    if not hasattr(config, "workerinput"):
        return
    units = units_by_name(items)
    Path(config.workerinput[UNITS]).write_text(json.dumps(units))
    items.sort(key=lambda item: _rank(units[item.nodeid]))


def _rank(unit):
    return unit.startswith(ALONE), -expected_seconds(unit), unit


def pytest_xdist_make_scheduler(config, log):
    # the order of the collection is the order of work
    config.option.loadscopereorder = False
    return LongestFirst(config, log)


class LongestFirst(LoadScopeScheduling):
    """Work in the order of the collection; what runs alone waits until one worker is left."""

    def add_node_collection(self, node, collection):
        super().add_node_collection(node, collection)
        self._units = units_of(node)

    def remove_node(self, node):
        crashed = super().remove_node(node)
        # whoever is the last may begin with what runs alone
        for left in self.nodes:
            self._reschedule(left)
        return crashed

    def _split_scope(self, nodeid):
        return self._units[nodeid]

    def _reschedule(self, node):
        # one test runs and one is ready; more would wait here while others have nothing to do
        if self.workqueue and self._pending_of(self.assigned_work[node]) > 1:
            return
        super()._reschedule(node)

    def _assign_work_unit(self, node):
        is_alone = next(iter(self.workqueue)).startswith(ALONE)
        others = [other for other in self.nodes if other is not node]
        if not is_alone or not others:
            super()._assign_work_unit(node)
        elif any(not other.shutting_down for other in others):
            node.shutdown()
