"""What `make test` says: first what it will do, then a line for each file that is through."""

import json
import time
from collections import Counter, defaultdict

import pytest

from tests.preparing import prepare
from tests.workers import ALONE, KNOWN_SECONDS, expected_seconds, unit_of, units_of

SILENCE_S = 60


class Progress:
    """In place of dots; a failure is named at once, and shown in full at the end as ever."""

    def __init__(self, config):
        self.config = config
        self.count, self.units, self.is_running = 0, {}, False
        self.left, self.outcomes = Counter(), defaultdict(Counter)
        self.seconds = Counter()
        self.started = self.spoke = time.monotonic()

    @property
    def terminal(self):
        return self.config.pluginmanager.getplugin("terminalreporter")

    def say(self, text):
        self.spoke = time.monotonic()
        self.terminal.ensure_newline()
        self.terminal.write_line(text, flush=True)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        if not self.count:
            self._begin(units_of(node), self.config.option.numprocesses)
            prepare(ids, self.say)

    def pytest_collection_finish(self, session):
        self._begin({item.nodeid: unit_of(item) for item in session.items}, 1)

    def _begin(self, units, workers):
        self.count, self.units, self.is_running = len(units), units, True
        self.terminal.showfspath = False
        self.left.update(nodeid.partition("::")[0] for nodeid in units)
        alone = {unit for unit in units.values() if unit.startswith(ALONE)}
        last = sum(map(expected_seconds, alone))
        together = sum(map(expected_seconds, set(units.values()))) - last
        how = f"{workers} at a time" if workers > 1 else "one after the other"
        at_the_end = f", {len(alone)} of them alone at the end" if workers > 1 and alone else ""
        minutes = (together / workers + last) / 60
        self.say(
            f"{self.count} tests in {len(self.left)} files, {how}{at_the_end}:"
            f" about {minutes:.0f} min"
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self):
        category, letter, word = yield
        # the words are wanted once more at the end
        return (category, "", "") if self.is_running else (category, letter, word)

    def pytest_runtest_logreport(self, report):
        path = report.nodeid.partition("::")[0]
        self.seconds[self.units[report.nodeid]] += report.duration
        self.seconds[path, "file"] += report.duration
        if report.failed:
            self.outcomes[path]["failed"] += 1
            crash = getattr(report.longrepr, "reprcrash", None)
            why = crash.message.splitlines()[0] if crash and crash.message else report.when
            self.say(f"FAILED {report.nodeid}: {why}")
        elif report.when == "call" or report.skipped:
            self.outcomes[path][report.outcome] += 1

    def pytest_runtest_logfinish(self, nodeid):
        path = nodeid.partition("::")[0]
        self.left[path] -= 1
        if not self.left[path]:
            done = sum(not left for left in self.left.values())
            found = ", ".join(f"{count} {what}" for what, count in self.outcomes[path].items())
            took = self.seconds[path, "file"]
            self.say(f"{done:4} of {len(self.left)}  {path}: {found}, {took:.1f} s")
        elif time.monotonic() - self.spoke > SILENCE_S:
            run = self.count - sum(self.left.values())
            minutes = (time.monotonic() - self.started) / 60
            self.say(f"     ... {run} of {self.count} tests after {minutes:.0f} min")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self):
        self.is_running = False
        if self.config.option.keep_seconds:
            units = {unit: took for unit, took in self.seconds.items() if isinstance(unit, str)}
            kept = {unit: round(took) for unit, took in sorted(units.items()) if took >= 1}
            KNOWN_SECONDS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
