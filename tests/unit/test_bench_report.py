"""The document and page of a bench, from made-up figures."""

import json
from types import SimpleNamespace

import pytest

from benchmarks.bench import ALL_SIDES, chosen_sides
from benchmarks.core_speed import CoreSpeed
from benchmarks.markdown import words
from benchmarks.performance_page import page
from benchmarks.played import LatencyRun
from benchmarks.report import RATIO_SIDES, as_document, read_document, with_part, write_document
from benchmarks.scenarios import Failed
from benchmarks.scenarios.growth import Growth, Point
from benchmarks.scenarios.latency import Latency
from benchmarks.scenarios.poison import Poison, PoisonRun
from benchmarks.scenarios.producer import Producers
from benchmarks.scenarios.replay import Replay
from benchmarks.scenarios.throughput import Throughput
from benchmarks.settings import QUICK
from benchmarks.timed_run import SideRun
from common.errors import ConfigurationError

CONDITIONS = {"cores": 2, "server": "MySQL 9.7.0", "server_settings": {"sync_binlog": "1"}}


def bench_with(**results):
    stack = SimpleNamespace(core_speed=CoreSpeed([40.0, 90.0, 50.0]))
    return SimpleNamespace(sizes=QUICK, results=results, stack=stack)


def measured():
    throughput = Throughput(readings=600_000)
    for side, seconds in (("ours", 3.0), ("ceiling", 1.5)):
        throughput.runs[side] = [SideRun(side, rows=600_000, seconds=seconds)]
    throughput.runs["quix"] = [SideRun("quix", problem="0 rows in /var/tmp/x|y")]
    latency = Latency([LatencyRun("ours", "2,000/s", 2000, 100.0, 200.0, 300.0, 40)])
    growth = Growth(
        1000, [Point("patients", 100, [5.0, 7.0])], {"patients": None}, {"patients": None}
    )
    failed = Failed("the broker is away")
    return bench_with(throughput=throughput, latency=latency, growth=growth, poison=failed)


def test_ratios_name_every_side_also_those_without_a_figure():
    document = as_document(measured(), CONDITIONS)
    assert document["ratios"].keys() == set(RATIO_SIDES)
    assert document["ratios"]["ceiling"] == 0.5
    assert document["ratios"]["quix"] is None
    assert document["latency_ms"]["2,000/s"] == {"p50": 100.0, "p95": 200.0, "p99": 300.0}


def test_document_is_read_as_it_was_written(tmp_path):
    document = as_document(measured(), CONDITIONS)
    write_document(tmp_path / "results" / "latest.json", document)
    assert read_document(tmp_path / "results" / "latest.json") == json.loads(json.dumps(document))


def test_results_that_are_missing_say_what_to_run(tmp_path):
    with pytest.raises(ConfigurationError, match="make bench"):
        read_document(tmp_path / "latest.json")


def test_page_shows_figures_failures_and_what_was_not_measured():
    text = page(as_document(measured(), CONDITIONS), [])
    assert "| ceiling | 400,000 | 400,000 | 400,000 | 1 | 0.50 | - |" in text
    assert "| ours | 2,000/s | 100 | 200 | 300 |" in text
    assert "| patients | 100 | 6 | 5 | 7 | 2 | - |" in text
    assert "Not measured: the broker is away" in text
    assert "| one core, ms for the same sum | median 50, 40 to 90 in 3 runs |" in text
    assert "quix: 0 rows in (a path)" in text
    assert "/var/tmp" not in text


def a_part():
    poison = Poison(15.0)
    poison.runs = [
        PoisonRun("ours", 900, 1, 900, seconds, 1, ["running"]) for seconds in (5.0, 8.0, 6.0)
    ]
    poison.runs += [PoisonRun("flink", 900, 1, count, None, 0, ["running"]) for count in (0, 300)]
    producer = Producers({"simulate": [3e6, 1e6]}, {"1 processes": [2e6]})
    replay = Replay([9.0, 8.0, 12.5], [2.0, 2.5, 3.0], "PROVED: 7 readings")
    return as_document(
        bench_with(poison=poison, producer=producer, replay=replay, latency=Latency()), CONDITIONS
    )


def test_scenarios_of_a_part_take_the_place_of_those_of_the_whole_and_the_page_says_so():
    whole = as_document(measured(), CONDITIONS)
    merged = with_part(whole, a_part())
    assert merged["latency"] == whole["latency"]
    text = page(merged, [])
    assert "Measured in a separate run" in text
    assert "poison, producer, replay." in text
    assert "the broker is away" not in text
    assert (
        "| ours | 900 of 900 | 1 | 6.0 | 5.0 | 8.0 | 3 | running | 1 entries in quarantine |"
        in text
    )
    assert "| flink | 0 to 300 of 900 | 1 | - | - | - | 2 | running |" in text
    assert "| simulate | 2,000,000 | 1,000,000 | 3,000,000 | 2 |" in text
    assert "| from the command to the proof | 9.0 | 8.0 | 12.5 | 3 |" in text


def test_failed_scenario_of_a_part_and_one_that_was_replaced_since_are_not_named():
    failed = as_document(bench_with(poison=Failed("away"), producer=Producers()), CONDITIONS)
    merged = with_part(with_part(as_document(measured(), CONDITIONS), a_part()), failed)
    assert len(merged["poison"]["runs"]) == 5
    assert [part["scenarios"] for part in merged["parts"]] == [["poison", "replay"], ["producer"]]


def test_part_without_anything_to_add_is_refused():
    with pytest.raises(ConfigurationError, match="none of the scenarios"):
        with_part(as_document(measured(), CONDITIONS), as_document(bench_with(), CONDITIONS))


def test_words_of_others_cannot_break_a_table():
    assert words("a | b\nc [d](e) <f>") == r"a \| b c \[d](e) &lt;f>"
    assert len(words("x" * 1000)) < 400


def test_unknown_side_is_refused_with_those_that_are_known():
    assert chosen_sides(None) == ALL_SIDES
    assert chosen_sides("ceiling, ours") == ("ours", "ceiling")
    with pytest.raises(ConfigurationError, match="pyspark_usual"):
        chosen_sides("ours,kettle")
