"""What a late message says about its age, as the worker reads it from Kafka's headers."""

import pyarrow as pa
import pytest

from common.times import unix_ms
from consumer.worker.known import ages
from schemas.wire.codec import KNOWN_SINCE, ORDERED_UNTIL, Age
from tests.builders import NOW

HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))


def read(*messages):
    """``messages``: each a list of headers, or None; sliced, as Spark hands them over."""
    named = [
        message and [{"key": name, "value": value} for name, value in message]
        for message in (None, *messages)
    ]
    batch = pa.record_batch({"headers": pa.array(named, HEADERS)})
    known, ordered = ages(batch.slice(1))
    return known.to_pylist(), ordered.to_pylist()


def test_the_ages_are_those_that_the_sender_gave():
    late = Age(first_taken_ms=1, known_ms=NOW, ordered_ms=NOW + 1).headers()
    assert read(None, [], [("a", b"1")], late, [("a", None)]) == (
        [None, None, None, NOW, None],
        [None, None, None, NOW + 1, None],
    )
    assert Age().headers() == []


def test_messages_without_an_age_have_none():
    assert read(None, [(KNOWN_SINCE.upper(), b"1")]) == ([None, None], [None, None])


@pytest.mark.parametrize("value", [b"", b"x", None, b"1.5", b"-9" * 20])
def test_an_age_that_is_no_time_is_ignored(value):
    assert read([(KNOWN_SINCE, value)]) == ([None], [None])


def test_the_oldest_of_several_counts_and_none_lies_ahead():
    before = unix_ms()
    ahead = str(before + 3_600_000).encode()
    [twice, fast], [ordered, _] = read(
        [(KNOWN_SINCE, b"900"), (KNOWN_SINCE, b"700"), (ORDERED_UNTIL, b"5")],
        [(KNOWN_SINCE, ahead)],
    )
    assert (twice, ordered) == (700, 5)
    assert before <= fast <= unix_ms()
