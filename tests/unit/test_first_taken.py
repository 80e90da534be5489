"""When a message counts as received; `tests/spark/test_times.py` has the same cases for Spark."""

import pytest

from schemas.wire.codec import taken_ms
from tests.builders import NOW
from tests.first_taken import CASES


@pytest.mark.parametrize(("headers", "taken"), CASES)
def test_a_message_that_came_again_counts_as_of_when_it_came_first(headers, taken):
    assert taken_ms(NOW, headers) == taken
