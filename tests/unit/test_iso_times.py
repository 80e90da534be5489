"""Times as text: one form everywhere, UTC with milliseconds."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.times import iso, iso_of_ms

NOW = 1_790_000_000_123


def test_a_moment_is_utc_with_milliseconds_wherever_it_is_from():
    in_brasilia = datetime(2026, 9, 21, 11, 13, 20, 123_999, timezone(timedelta(hours=-3)))
    assert iso(in_brasilia) == "2026-09-21T14:13:20.123Z"
    assert iso(in_brasilia.astimezone(UTC).replace(tzinfo=None)) == "2026-09-21T14:13:20.123Z"
    assert iso_of_ms(NOW) == "2026-09-21T14:13:20.123Z"


@given(st.datetimes(), st.just(UTC) | st.none())
def test_every_moment_is_read_again_to_the_millisecond(moment, zone):
    text = iso(moment.replace(tzinfo=zone))
    read = datetime.fromisoformat(text)
    assert read == moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)


@pytest.mark.parametrize("milliseconds", [-(10**14), 2**62])
def test_what_is_outside_all_years_is_refused(milliseconds):
    with pytest.raises(OverflowError):
        iso_of_ms(milliseconds)
