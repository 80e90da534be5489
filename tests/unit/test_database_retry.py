"""The consumer's retries are counted once each, by error class."""

import pytest
import stamina
from mysql.connector import errors

from consumer.database_retry import retried, take_retries


@pytest.fixture(autouse=True)
def _at_once():
    take_retries()
    with stamina.set_testing(True, attempts=10):
        yield


def test_each_retry_counts_once():
    coming = [errors.DatabaseError("x", errno=errno) for errno in (1205, 1213, 1205)]

    @retried
    def commit():
        if coming:
            raise coming.pop()
        return "done"

    assert commit() == "done"
    assert take_retries() == {"transient_1205": 2, "transient_1213": 1}
    assert take_retries() == {}


def test_what_is_not_tried_again_does_not_count():
    @retried
    def commit():
        raise errors.DatabaseError("x", errno=1062)

    with pytest.raises(errors.DatabaseError):
        commit()
    assert take_retries() == {}
