"""Open entries as batches: what they carry, what cannot be sent, and ids that never differ."""

import math

from hypothesis import given
from hypothesis import strategies as st

from common.broker.limits import MAX_MESSAGE_BYTES
from db.mend.resend import OpenEntry
from ops.quarantine.batches import FUTURE, NO_TIME, UNREADABLE, portion_of
from schemas.batch import Series
from schemas.wire.codec import default_codec
from tests.builders import GOLDEN, GOLDEN_BATCH, NOW, batch, series


def entry(series=0, position=0, **given):
    plain = {
        "partition": 0,
        "offset": 5,
        "reason": "out_of_range",
        "patient_id": "p",
        "sensor": "glicose",
        "component": None,
        "unit": "mg/dL",
        "value": 9999.0,
        "event_ms": NOW + position * 1000,
        "received_ms": None,
        "known_ms": None,
        "key": None,
        "body": None,
        "headers": None,
        "claimed_by": None,
        "is_selected": True,
    }
    return OpenEntry(**(plain | given | {"series": series, "position": position}))


def message(body, **given):
    return entry(-1, -1, body=body, reason="unknown_schema", event_ms=None, **given)


def portion(*entries, reason=None):
    return portion_of(entries, topic="t", reason=reason, produced_at=NOW)


def test_the_entries_of_a_message_become_one_batch_with_runs_as_they_were():
    entries = [
        entry(0, 0),
        entry(0, 1, value=None),
        entry(0, 2),
        entry(0, 7),
        entry(1, 0, sensor="Temperatura", unit="F", component=""),
        entry(0, 0, offset=6),
    ]
    first, second = portion(*entries).resends
    assert first.batch.series[:2] == (
        Series("glicose", None, "mg/dL", NOW, 1000, first.batch.series[0].values),
        Series("glicose", None, "mg/dL", NOW + 7000, 1000, [9999.0]),
    )
    assert [str(value) for value in first.batch.series[0].values] == ["9999.0", "nan", "9999.0"]
    assert first.batch.series[2].component == ""
    assert list(first.positions) == [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0)]
    assert first.batch.is_identified
    assert first.batch.batch_id != second.batch.batch_id
    assert [entry.offset for entry in second.entries] == [6]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, unique=True))
def test_every_entry_is_carried_once_at_its_time_whatever_their_order(places):
    entries = [entry(*place, value=float(place[1])) for place in places]
    [resend] = portion(*entries).resends
    [again] = portion(*reversed(entries)).resends
    assert again.batch == resend.batch
    assert len(resend.entries) == len(entries) == resend.batch.reading_count
    for sent, (number, place) in zip(resend.entries, resend.positions, strict=True):
        run = resend.batch.series[number]
        assert run.start + place * run.interval_ms == sent.event_ms
        assert run.values[place] == sent.value


def test_entries_without_a_usable_time_or_possibly_of_the_future_stay_and_are_counted():
    entries = [
        entry(event_ms=None),
        entry(0, 1, reason="invalid_time"),
        entry(0, 2, reason="future_timestamp"),
        entry(0, 3, is_selected=False),
    ]
    found = portion(*entries)
    assert found.resends == []
    assert found.left == {NO_TIME: 2, FUTURE: 1}
    [named] = portion(entries[2], reason="future_timestamp").resends
    assert named.entries == [entries[2]]


def test_a_pressure_brings_the_other_half_of_its_instant_and_nothing_else():
    systolic = {"sensor": "Pressão Arterial", "component": "sistolica", "unit": "mmHg"}
    diastolic = systolic | {"component": "diastolica", "is_selected": False}
    entries = [
        entry(0, 0, **systolic),
        entry(1, 0, reason="pressure_inverted", **diastolic),
        entry(1, 1, reason="pressure_inverted", **diastolic),
        entry(2, 0, is_selected=False),
    ]
    [resend] = portion(*entries).resends
    assert resend.entries == entries[:2]


def test_a_batch_that_was_claimed_keeps_its_id_and_its_entries_whatever_is_selected_now():
    entries = [entry(0, place) for place in range(3)]
    [before] = portion(entries[0], entries[1]).resends
    claim = before.batch.batch_id
    claimed = [entry(0, place, claimed_by=claim, is_selected=False) for place in range(2)]
    first, second = portion(*claimed, entries[2]).resends
    assert (first.is_claimed, first.batch) == (True, before.batch)
    assert (second.is_claimed, second.entries) == (False, [entries[2]])


def test_a_message_is_sent_whole_where_it_can_be_read_now():
    nobody = default_codec().encode(batch(series(), patient_id=" "))
    large = GOLDEN[1][:10] + bytes(MAX_MESSAGE_BYTES)
    bodies = [GOLDEN[1], b"{}", None, nobody, GOLDEN[1] + b"\x00", large]
    found = portion(*(message(body, offset=at) for at, body in enumerate(bodies)))
    [resend] = found.resends
    assert (resend.batch.batch_id, resend.original.offset) == (GOLDEN_BATCH.batch_id, 0)
    assert found.left == {UNREADABLE: 5}


def test_more_than_a_message_holds_is_cut_between_two_instants():
    count = 9_000
    entries = [entry(0, place, unit="u" * 200, event_ms=NOW + place // 2) for place in range(count)]
    resends = portion(*entries).resends
    assert len(resends) > 5
    assert sum(len(resend.entries) for resend in resends) == count
    assert all(len(default_codec().encode(resend.batch)) < 400_000 for resend in resends)
    instants = [{entry.event_ms for entry in resend.entries} for resend in resends]
    assert sum(map(len, instants)) == len(set.union(*instants))


def test_an_interval_that_the_wire_cannot_hold_starts_another_series():
    month = 31 * 86_400_000
    entries = [
        entry(0, 0, event_ms=0),
        entry(0, 1, event_ms=month),
        entry(0, 2, event_ms=2 * month),
    ]
    [resend] = portion(*entries).resends
    assert [series.values for series in resend.batch.series] == [[9999.0]] * 3
    assert not any(math.isnan(value) for series in resend.batch.series for value in series.values)
    default_codec().encode(resend.batch)


def test_a_resent_batch_is_as_old_as_its_message_but_for_a_time_that_was_still_to_come():
    """So it replaces no correction sent meanwhile, whoever publishes it; see `KNOWN_SINCE`."""
    [resend] = portion(entry(received_ms=NOW - 5)).resends
    assert (resend.known_ms, resend.batch.produced_at) == (NOW - 5, NOW - 5)
    future = entry(received_ms=NOW - 5, reason="future_timestamp")
    [resend] = portion(future, reason="future_timestamp").resends
    assert (resend.known_ms, resend.batch.produced_at) == (NOW - 5, NOW)
    [resend] = portion(entry()).resends
    assert (resend.known_ms, resend.batch.produced_at) == (None, NOW)
    # what a repair sent again came with an age that lies before the repair's own comparison
    [resend] = portion(entry(received_ms=NOW - 5, known_ms=NOW - 60_000)).resends
    assert (resend.known_ms, resend.batch.produced_at) == (NOW - 60_000, NOW - 60_000)
