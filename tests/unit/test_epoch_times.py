"""Times as whole milliseconds."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from common.times import epoch_ms, unix_ms, utc_moment


@pytest.mark.parametrize("milliseconds", [0, -1, 1, 1_790_000_000_123, -30_610_224_000_000])
def test_a_moment_returns_its_milliseconds(milliseconds):
    assert epoch_ms(utc_moment(milliseconds)) == milliseconds


def test_milliseconds_are_rounded_down_in_any_zone():
    moment = datetime(1970, 1, 1, 2, 0, 0, 1_999, timezone(timedelta(hours=2)))
    assert epoch_ms(moment) == 1
    assert epoch_ms(datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)) == -1


def test_now_is_now():
    assert abs(utc_moment(unix_ms()) - datetime.now(UTC)) < timedelta(minutes=1)
