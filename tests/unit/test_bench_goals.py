"""The table of goals: this run's figures beside the last one's, and which are met."""

from benchmarks.goals import GOALS, figures, goals_table
from benchmarks.report import with_last

P50 = "p50 at 2,000/s, ms"
LEAD = "p50 at 2,000/s, to the fastest of Debezium, Flink, Quix"
IDLE = "cores of an idle consumer"
CEILING = "warm throughput to the ceiling"


def results(ours_ms, *, ceiling=None):
    def percentiles(middle):
        return {"p50": middle, "p95": 2 * middle, "p99": None}

    return {
        "measured_at": "2026-11-29T12:00:00+00:00",
        "size": "full",
        "latency_ms": {
            "2,000/s": percentiles(ours_ms),
            "debezium: 2,000/s": percentiles(200),
            "quix: 2,000/s": percentiles(100),
            # no peer that the goal names
            "plain_script: 2,000/s": percentiles(1),
        },
        "latency": {"idle": {"cores": {"jvm": 0.04, "driver": 0.02, "broker": 0.5}}},
        "ratios_warm": {"ceiling": ceiling},
    }


def rows_of(document):
    cells = [line.strip("| ").split(" | ") for line in goals_table(document).splitlines()[2:]]
    return {name: rest for name, *rest in cells}


def test_ours_is_compared_with_the_fastest_of_the_peers_that_the_goal_names():
    assert figures(results(80))[LEAD] == 0.8
    assert figures(results(150))[LEAD] == 1.5


def test_only_the_consumer_counts_as_idle():
    assert round(figures(results(80))[IDLE], 4) == 0.06


def test_the_last_run_stands_beside_this_one_and_each_goal_says_whether_it_is_met():
    rows = rows_of(with_last(results(100, ceiling=1.0), results(300, ceiling=0.9)))
    assert rows[P50] == ["300", "100", "at most 120", "met"]
    assert rows[CEILING] == ["0.90", "1.00", "at least 1.00", "met"]
    assert rows_of(results(121))[P50] == ["-", "121", "at most 120", "missed"]


def test_what_was_not_measured_is_said():
    rows = rows_of({"latency_ms": {}})
    assert len(rows) == len(GOALS)
    assert {verdict for *_, verdict in rows.values()} == {"not measured"}
