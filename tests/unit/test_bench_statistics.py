"""The bench's own arithmetic: medians, percentiles, ratios, falls, and the rows it expects."""

import numpy as np
import pytest

from benchmarks.load_older import older
from benchmarks.readings import Rows, joined
from benchmarks.scenarios.throughput import needed_s
from benchmarks.sides.ours import commits, warm_rate
from benchmarks.statistics import Spread, fall_percent, percentile, ratios, spread
from benchmarks.timed_run import SideRun


def rows(*keys):
    ids, components, moments, values = zip(*keys, strict=True)
    return Rows(
        np.array(ids, np.int32),
        np.array(components, np.int8),
        np.array(moments, np.int64),
        np.array(values, np.int64),
    )


def test_spread_has_the_median_and_both_ends():
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0, 3)
    assert spread([]) is None


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.0, 1)]
)
def test_percentile_is_a_value_that_was_measured(share, expected):
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_percentile_of_a_few_samples_is_the_worst_of_them():
    assert percentile([5.0, 7.0], 0.99) == 7.0


def test_ratio_to_a_side_without_a_figure_is_none():
    assert ratios(300.0, {"ceiling": 600.0, "flink": None}) == {"ceiling": 0.5, "flink": None}


def test_fall_is_from_the_first_point_to_the_slowest():
    assert fall_percent([100.0, 80.0, 90.0]) == 20.0
    assert fall_percent([100.0]) is None


def test_a_run_with_a_problem_has_no_rate():
    assert SideRun("ours", rows=100, seconds=2.0).rate == 50.0
    assert SideRun("ours", rows=100, seconds=2.0, problem="0 of 100 rows").rate is None


def test_warm_rate_leaves_out_the_first_micro_batch():
    line = '{{"event": "batch_committed", "timestamp": "2026-01-01T00:00:{:02}+00:00", "readings": {}}}'
    log = "\n".join(
        [line.format(1, 500), "a line of the JVM", line.format(3, 100), line.format(5, 300)]
    )
    assert [commit["readings"] for commit in commits(log)] == [500, 100, 300]
    assert warm_rate(log) == 100.0
    assert warm_rate(line.format(1, 500)) is None


def test_rows_are_ordered_by_the_primary_key():
    some = rows((2, 0, 5, 1), (1, 5, 9, 2), (1, 0, 9, 3), (1, 0, 4, 4))
    assert some.by_key().thousandths.tolist() == [4, 3, 2, 1]
    assert some.series() == [(1, 0), (1, 5), (2, 0)]


def test_checksum_does_not_depend_on_the_order_and_shows_a_changed_value():
    some = rows((2, 0, 5, 1), (1, 5, 9, 2))
    assert some.checksum() == some.by_key().checksum()
    assert some.checksum() != rows((2, 0, 5, 1), (1, 5, 9, 3)).checksum()


def test_older_rows_lie_before_the_backlog_and_are_as_many_as_asked():
    made = joined(list(older([(7, 0), (7, 5), (9, 1)], 1000, 1_000_000)))
    assert len(made) == 3000
    assert made.event_ms.max() < 1_000_000
    assert made.series() == [(7, 0), (7, 5), (9, 1)]
    ordered = made.by_key()
    assert ordered.event_ms.tolist() == [*range(0, 1_000_000, 1000)] * 3


def test_newest_older_rows_of_every_series_come_after_all_others():
    made = joined(list(older([(7, 0), (7, 5), (9, 1)], 1000, 1_000_000)))
    newest = made.part(slice(-300, None))
    assert made.event_ms[:-300].max() < newest.event_ms.min()
    assert newest.series() == made.series()
    assert newest.by_key().event_ms.tolist() == newest.event_ms.tolist()


def test_slow_side_leaves_the_remaining_rounds_to_the_close_ones():
    costs = {"ours": 20.0, "ceiling": 10.0, "plain_script": 15.0, "flink": 12.0}
    assert needed_s("ours", 4, costs) == 20
    assert needed_s("flink", 2, costs) == 12 + 2 * 45
    assert needed_s("flink", 0, costs) == 12
    assert needed_s("quix", 0, costs) > 0
