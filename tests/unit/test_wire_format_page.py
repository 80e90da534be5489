"""docs/reference/wire-format.md matches the code and contains the examples unchanged."""

import ast
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from common.broker.limits import MAX_MESSAGE_BYTES
from common.intervals import IntervalSettings
from common.settings import KafkaSettings
from db.write.registro import DECIMALS, rounded
from schemas.batch import LONGEST_PATIENT_ID, NAMESPACE, batch_id, is_identity
from schemas.cleaning.clean import NAME_LIMIT, ORDER
from schemas.cleaning.times import FIRST_TIME_MS, FUTURE_TOLERANCE_MS, LAST_TIME_MS
from schemas.reasons import OF_MESSAGES, Reason
from schemas.wire.codec import Age, default_codec
from schemas.wire.signature import SIGNATURE, SIGNED_BY, SIGNED_HEADERS, mac
from schemas.wire.versions import versions
from tests.builders import GOLDEN, GOLDEN_BATCH, batch, series
from tests.documents import blocks

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "docs" / "reference"
PAGE = (FOLDER / "wire-format.md").read_text(encoding="utf-8")
IDENTITY = batch_id("tests", "p", 0)


def tables(title):
    """The tables below a heading: the rows' cells, without the header row."""
    [section] = re.findall(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE
    )
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else None
        for line in section.splitlines()
    ]
    found, current = [], None
    for row in rows:
        if row is None:
            current = None
        elif current is None:
            current = []
            found.append(current)
        else:
            current.append(row)
    return [table[1:] for table in found]


def table(title):
    [only] = tables(title)
    return only


def literal(cell):
    return re.fullmatch("`([^`]*)`", cell)[1]


@pytest.mark.parametrize(("language", "name"), [("python", "publish.py"), ("java", "Publish.java")])
def test_the_page_contains_the_examples_unchanged(language, name):
    [shown] = blocks(PAGE, language)
    assert shown == (FOLDER / "examples" / name).read_text(encoding="utf-8")


def test_the_python_example_imports_two_packages_and_none_of_ours():
    tree = ast.parse((FOLDER / "examples" / "publish.py").read_text(encoding="utf-8"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert imported - sys.stdlib_module_names == {"confluent_kafka", "fastavro"}


def test_the_java_example_imports_two_libraries():
    text = (FOLDER / "examples" / "Publish.java").read_text(encoding="utf-8")
    imported = re.findall(r"^import (.*);", text, re.MULTILINE)
    libraries = {re.match(r"javax?\.|org\.apache\.\w+", name)[0] for name in imported}
    assert libraries == {"java.", "javax.", "org.apache.avro", "org.apache.kafka"}


def test_every_version_is_shown_with_its_frame():
    shown = [(int(number), literal(frame)) for number, _, frame in table("The frame")]
    assert shown == [(version.version, version.header.hex(" ").upper()) for version in versions()]
    assert all(GOLDEN[number].startswith(bytes.fromhex(frame)) for number, frame in shown)


def test_the_fields_are_those_of_the_schema():
    document = versions()[-1].document
    items = document["fields"][-1]["type"]["items"]
    shown = [[(literal(name), kind) for name, kind, _ in table] for table in tables("The record")]
    assert shown == [
        [(field["name"], type_text(field["type"])) for field in record["fields"]]
        for record in (document, items)
    ]


def type_text(kind):
    if isinstance(kind, list):
        return " or ".join(map(type_text, kind))
    if isinstance(kind, dict) and kind["type"] == "array":
        return "array" if isinstance(kind["items"], dict) else f"array of {kind['items']}"
    return type_text(kind["type"]) if isinstance(kind, dict) else kind


def test_the_headers_are_those_of_the_codec():
    headers = default_codec().headers(GOLDEN_BATCH, Age(1, 2, 3))
    shown = [(literal(name), value) for name, value, _ in table("Headers")]
    assert [name for name, _ in shown] == [*(name for name, _ in headers), SIGNED_BY, SIGNATURE]
    fixed = {name: value.strip("`") for name, value in shown if value.startswith("`")}
    assert fixed == {name: value.decode() for name, value in headers if name in fixed}
    assert fixed.keys() == {"content-type", "schema", "schema-version"}


def test_the_signature_on_the_page_follows_its_rule():
    shown = dict(table("Signature"))
    secret, body = (bytes.fromhex(literal(shown[name])) for name in ("secret", "value"))
    assert ", ".join(SIGNED_HEADERS) in shown
    code = mac(secret, literal(shown["message key"]).encode(), (None,) * 3, body)
    assert literal(shown["gives"]) == code.hex()


def test_the_batch_id_on_the_page_follows_its_rule():
    shown = dict(table("Batch id"))
    source, patient_id, window_start = re.findall("`([^`]*)`", shown["for example"])
    assert literal(shown["namespace"]) == str(NAMESPACE)
    assert literal(shown["gives"]) == batch_id(source, patient_id, int(window_start))


def test_the_limits_are_those_of_the_code():
    shown = dict(table("Limits"))
    assert shown["value of a message"].startswith(f"{MAX_MESSAGE_BYTES:,} bytes,")
    assert shown["patient id"].startswith(f"1 to {LONGEST_PATIENT_ID} characters")
    assert shown["producer id"].startswith(f"{column_size('produtor')} characters")
    assert shown["earliest reading"] == utc(FIRST_TIME_MS)
    assert shown["latest reading"] == utc(LAST_TIME_MS)
    assert shown["ahead of the message's timestamp"] == f"{FUTURE_TOLERANCE_MS:,} ms"
    assert "at most 5 minutes ahead" in PAGE
    assert timedelta(milliseconds=FUTURE_TOLERANCE_MS) == timedelta(minutes=5)
    assert f"{2**31 - 1:,} ms at most" in shown["interval"]
    assert shown["decimals"] == str(DECIMALS)
    assert shown["names and units in the quarantine"] == f"cut after {NAME_LIMIT} characters"


def utc(epoch_ms):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=epoch_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def column_size(name):
    [file] = REPOSITORY.glob("db/**/0008_cadence.sql")
    return int(re.search(rf"{name} VARCHAR\((\d+)\)", file.read_text(encoding="utf-8"))[1])


def test_as_many_values_as_the_page_says_fit_a_message():
    [shown] = re.findall(r"about ([\d,]+) values", PAGE)
    count = int(shown.replace(",", ""))
    sizes = [
        len(default_codec().encode(batch(series(values=[1.0] * n)))) for n in (count, count + 1000)
    ]
    assert sizes[0] <= MAX_MESSAGE_BYTES < sizes[1]


@pytest.mark.parametrize(
    ("identity", "patient_id", "is_accepted"),
    [
        (IDENTITY, "p" * LONGEST_PATIENT_ID, True),
        (IDENTITY, "p" * (LONGEST_PATIENT_ID + 1), False),
        (IDENTITY, "", False),
        (IDENTITY, "  ", False),
        (IDENTITY, "p ", True),
        (IDENTITY, "p" * LONGEST_PATIENT_ID + " ", False),
        ("00000000-0000-4000-8000-000000000000", "p", True),  # of any UUID version
        (IDENTITY.upper(), "p", False),
        (IDENTITY.replace("-", ""), "p", False),
    ],
)
def test_identities_are_accepted_as_the_page_says(identity, patient_id, is_accepted):
    assert is_identity(identity, patient_id) == is_accepted


def test_halves_are_rounded_away_from_zero():
    assert rounded([0.0625, -0.0625]).to_pylist() == [0.063, -0.063]


def test_every_reason_is_explained_in_the_order_of_the_checks():
    shown = [(literal(reason), kept) for reason, kept, _ in table("What is quarantined, and why")]
    messages = [reason for reason in OF_MESSAGES if reason is not Reason.REFUSED_BY_DATABASE]
    assert shown == [
        *((reason.value, "message") for reason in messages),
        *((reason.value, "reading") for reason in ORDER),
        (Reason.OVERTAKEN.value, "reading"),
        (Reason.REFUSED_BY_DATABASE.value, "message or reading"),
        (Reason.UNMAPPED.value, "reading"),
    ]
    assert {reason for reason, _ in shown} == set(Reason)


def test_the_settings_of_the_page_exist():
    named = set(re.findall(r"`((?:KAFKA|\w+_INTERVAL)_[A-Z_]+)`", PAGE))
    known = {*KafkaSettings.model_fields, *IntervalSettings.model_fields}
    assert "KAFKA_TOPIC" in named
    assert named <= {name.upper() for name in known}
    assert KafkaSettings.model_fields["kafka_topic"].default == "sensor-batches"
    assert KafkaSettings.model_fields["kafka_dlq_topic"].default == "sensor-batches-dlq"


def test_the_page_names_the_schema_of_every_version():
    named = set(re.findall(r"sensor_batch_v\d+\.avsc", PAGE))
    assert named == {path.name for path in REPOSITORY.glob("schemas/**/*.avsc")}
    assert len(named) == len(versions())
