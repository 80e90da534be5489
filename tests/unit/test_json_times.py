"""What `vitals` prints as JSON has its times in one form; the service tests walk the live documents."""

from datetime import UTC, datetime

import pytest
from confluent_kafka import Message

from db.read.quarantine_desk import Group, QuarantineEntry
from db.read.status import LedgerTotals
from ops.cli.commands.quarantine import as_document
from ops.cli.commands.tail import described
from ops.look.snapshot import Snapshot
from ops.look.verdict import PartitionLag, PipelineHealth
from schemas.wire.codec import default_codec
from tests.builders import GOLDEN, NOW, batch, series
from tests.json_times import assert_times, times_in

AT = datetime(2026, 3, 1, 8, 0, 0, 120_000, UTC)
IN_A_TABLE = AT.replace(tzinfo=None)
TEXT = "2026-03-01T08:00:00.120Z"
LAGS = (PartitionLag(0, 0, 10, 10, 10),)


def message(body, timestamp=NOW):
    return Message(topic="t", value=body, key=b"p", offset=3, partition=1, timestamp=(1, timestamp))


@pytest.mark.parametrize(
    "text", ["2026-03-01T08:00:00Z", "2026-03-01T08:00:00.120+00:00", "2026-03-01T08"]
)
def test_any_other_form_is_noticed_wherever_it_is(text):
    with pytest.raises(AssertionError):
        assert_times({"a": [{"b": text}]})
    assert times_in({"a": [1, "at 2026", {"b": text}]}) == {"$.a[2].b": text}


def test_status():
    totals = LedgerTotals(last_commit=AT)
    health = PipelineHealth(AT, None, None, LAGS, totals, AT, AT, 0)
    document = {**Snapshot(LAGS, totals).as_dict(), **health.as_dict()}
    assert assert_times(document) == {"$.last_commit": TEXT, "$.newest_reading": TEXT}


def test_quarantine_whose_columns_carry_no_zone():
    entry = QuarantineEntry(
        *("t", 0, 5, 0, 1, "missing", None, "p", "glicose", None, "mg/dL", None),
        *(IN_A_TABLE, IN_A_TABLE, "aberta"),
    )
    assert assert_times(as_document(entry)) == {"$.measured_at": TEXT, "$.received_at": TEXT}
    group = Group("missing", "aberta", 1, IN_A_TABLE, None)
    assert assert_times(as_document(group)) == {"$.first_received": TEXT}


def test_reconcile_names_the_hour_that_differs_by_when_it_begins(done):
    done.quarantined.clear()
    found = assert_times(done.prove().as_dict())
    assert found == {"$.differing[0].hour": "2026-09-21T14:00:00.000Z"}


def test_tail_with_the_times_of_the_message_and_of_its_batch():
    found = described(message(GOLDEN[1]), default_codec())
    assert assert_times(found) == {
        "$.timestamp": "2026-09-21T14:13:20.000Z",
        "$.batch.window_start": "2026-09-21T14:13:20.000Z",
        "$.batch.produced_at": "2026-09-21T14:13:21.500Z",
        "$.batch.series[0].start": "2026-09-21T14:13:20.000Z",
        "$.batch.series[1].start": "2026-09-21T14:13:20.250Z",
    }


def test_tail_leaves_a_number_that_is_not_a_time():
    body = default_codec().encode(batch(series(start=2**62)))
    assert described(message(body), default_codec())["batch"]["series"][0]["start"] == 2**62
