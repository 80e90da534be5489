"""docs/reference/alarms.md has every alarm, with the level and the limits that the monitor uses."""

import re
from pathlib import Path

from ops.monitor import conditions
from ops.monitor.alarms import _CRITICAL, Code

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "reference" / "alarms.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\S+)\n\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
ALERTS = (REPOSITORY / "ops" / "observability" / "alerts.yml").read_text(encoding="utf-8")


def heading(code):
    return code.replace("_", "-")


def test_every_alarm_has_a_section_and_no_other_does():
    assert list(SECTIONS) == [heading(code) for code in Code]


def test_table_has_level_and_alert_of_every_alarm():
    rows = re.findall(
        r"^\| \[([a-z-]+)\]\(#\1\) \| (\w+) \| [\w ]+ \| (yes|no) \|$", PAGE, re.MULTILINE
    )
    alerts = set(re.findall(r"- alert: (\w+)\n", ALERTS))
    assert rows == [
        (
            heading(code),
            "critical" if code in _CRITICAL else "warning",
            "yes" if code in alerts else "no",
        )
        for code in Code
    ]


def test_limits_of_the_page_are_those_of_the_monitor():
    assert f"more than {conditions._BEHIND_MS // 1000} seconds" in SECTIONS["consumer-behind"]
    assert f"for {conditions._NOTHING_MS // 1000} seconds" in SECTIONS["nothing-committed"]
    assert conditions._OUTBOX_FILES == 3
    assert SECTIONS["outbox-growing"].startswith("Three or more archived files")
    assert f"{conditions._STORM_SHARE:.0%}".replace("%", " %") in SECTIONS["quarantine-storm"]
    for name in ("many-sensors-silent", "many-patients-stopped"):
        assert SECTIONS[name].startswith(f"More than {conditions._MOST_SINGLE_ALARMS} ")
