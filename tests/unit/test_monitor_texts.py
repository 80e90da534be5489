"""The texts of the monitor page: complete, and the same in both languages."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from ops.monitor.columns import columns
from schemas.catalogue import sensors
from schemas.reasons import Reason

STATIC = Path(__file__).parents[2] / "ops" / "monitor" / "static"
TEXTS = {
    code: json.loads((STATIC / "i18n" / f"{code}.json").read_text(encoding="utf-8"))
    for code in ("en", "pt")
}
TOPICS = {key.split(".")[0] for key in TEXTS["en"]}
SCRIPTS = "\n".join(script.read_text(encoding="utf-8") for script in STATIC.glob("js/*.js"))


def test_both_languages_have_the_same_keys_with_the_same_blanks():
    english, portuguese = TEXTS["en"], TEXTS["pt"]
    assert list(english) == list(portuguese)

    def blanks(text):
        return sorted(re.findall(r"\{\w+\}", text))

    assert {key: blanks(text) for key, text in english.items()} == {
        key: blanks(text) for key, text in portuguese.items()
    }


@pytest.mark.parametrize("code", TEXTS)
def test_every_reason_has_a_text(code):
    assert [reason for reason in Reason if f"reason.{reason}" not in TEXTS[code]] == []


def test_no_text_names_a_sensor_whose_names_are_the_catalogues():
    texts = "\n".join(f"{key} {text}" for code in TEXTS for key, text in TEXTS[code].items())
    assert [sensor.code for sensor in sensors() if sensor.code in texts] == []


def test_a_columns_name_exists_in_both_languages():
    """Under the names that the scripts read: ``short_name_${current}``."""
    fields = set(re.findall(r"column\[`(\w+)_\$\{current\}`\]", SCRIPTS))
    assert fields == {"name", "short_name", "component"}
    for column in columns():
        shown = asdict(column)
        assert [name for name in fields for code in TEXTS if not shown[f"{name}_{code}"]] == []


def test_every_alarm_has_a_sentence_and_an_advice():
    from ops.look.codes import Code

    for texts in TEXTS.values():
        assert [alarm for alarm in Code if f"alarm.{alarm}" not in texts] == []
        assert [alarm for alarm in Code if f"advice.{alarm}" not in texts] == []


def test_the_scripts_name_every_text_and_no_other():
    """Texts are named whole, or by their family: ``state.${name}``."""
    families = set(re.findall(r"`([a-zA-Z.]+)\.\$\{", SCRIPTS))
    whole = set(re.findall(r"[\"'`]([a-zA-Z]+(?:\.[a-zA-Z0-9_]+)+)[\"'`]", SCRIPTS))
    whole |= set(re.findall(r"\bt\(\"([^\"]+)\"", SCRIPTS))
    keys = set(TEXTS["en"])
    of_family = {key for key in keys if any(key.startswith(f"{family}.") for family in families)}
    assert keys - whole - of_family == set()
    assert {key for key in whole if key.split(".")[0] in TOPICS} - keys == set()


def test_nothing_is_put_into_the_page_as_html_or_run_as_text():
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc",
        SCRIPTS,
    )


def test_nothing_on_the_page_names_another_origin():
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    for path in files:
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"(?:https?:)?//[a-z0-9][a-z0-9.-]+\.[a-z]+", text)
        assert [name for name in found if "www.w3.org" not in name] == [], path.name
