"""The docs cover every alarm: limits in the reference, meaning and advice in both languages."""

import re
from pathlib import Path

import pytest

from ops.look import conditions
from ops.look.codes import CRITICAL, Code
from ops.monitor import alarms, cadence
from ops.monitor.conditions import _MOST_SINGLE_ALARMS

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "reference" / "alarms.md").read_text(encoding="utf-8")
ROW = r"^\| \[([a-z-]+)\]\(\.\./how-to/operations\.md#\1\) \| (\w+) \| (.+?) \| ?(\w*) \|$"
ROWS = {name: rest for name, *rest in re.findall(ROW, PAGE, re.MULTILINE)}
ALERTS = (REPOSITORY / "ops" / "observability" / "alerts.yml").read_text(encoding="utf-8")
NAMES = [code.replace("_", "-") for code in Code]


def test_reference_has_every_alarm_with_its_level():
    assert list(ROWS) == NAMES
    for name, code in zip(NAMES, Code, strict=True):
        assert ROWS[name][0] == ("critical" if code in CRITICAL else "warning")


def test_reference_says_which_alarms_prometheus_has():
    pairs = re.findall(r"- alert: (\w+)\n.*?severity: (\w+)", ALERTS, re.DOTALL)
    shown = {name.replace("-", "_"): row[2] for name, row in ROWS.items() if row[2]}
    assert shown == dict(pairs)


def test_prometheus_warns_of_the_share_of_the_page():
    [limit] = re.findall(r"alert: quarantine_storm\n.*?>= ([\d.]+)\n", ALERTS, re.DOTALL)
    assert float(limit) == conditions._STORM_SHARE


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("consumer-away", {1: "once", 2: "twice in a row"}[conditions._DOWN_AFTER_MISSES]),
        ("consumer-behind", f"more than {conditions._BEHIND_MS // 1000} s"),
        ("nothing-committed", f"more than {conditions._NOTHING_MS // 1000} s"),
        ("producer-gone", f"less than {conditions._RESTART_SHOWN_S:.0f} s ago"),
        ("outbox-growing", f"{conditions._OUTBOX_FILES} or more"),
        ("patient-stopped", {2: "more than two windows"}[cadence._STALE_WINDOWS]),
        ("many-sensors-silent", f"more than {_MOST_SINGLE_ALARMS} sensors"),
        ("many-patients-stopped", f"more than {_MOST_SINGLE_ALARMS} patients"),
        ("quarantine-storm", f"at least {conditions._STORM_SHARE * 100:g} % of the readings"),
        ("quarantine-storm", f"at least {conditions._STORM_READINGS:,} readings"),
    ],
)
def test_limits_of_the_reference_are_those_of_the_monitor(name, limit):
    assert limit in ROWS[name][1]


def test_reference_says_how_long_an_alarm_is_shown():
    assert f"at\nleast {alarms._SHOWN_AT_LEAST_MS // 1000} seconds" in PAGE
    assert {600_000: "ten minutes"}[alarms._LISTED_AFTERWARDS_MS] in PAGE


@pytest.mark.parametrize("page", ["how-to/operations.md", "pt/how-to/operations.md"])
def test_operations_explain_every_alarm(page):
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    headings = re.findall(r"^### ([a-z]+(?:-[a-z]+)+)$", text, re.MULTILINE)
    assert headings == NAMES
