"""The driver's counts of a micro-batch match the ledger's of its ranges."""

import math
from dataclasses import replace

from prometheus_client import REGISTRY

from consumer.driver.metrics import PHASES, BatchMetrics
from consumer.handover import RangeSummary
from db.ledger import RangeCounts
from tests.builders import NOW

SUMMARY = RangeSummary(
    partition=0,
    first=0,
    until=10,
    is_new=True,
    counts=RangeCounts(
        messages=10,
        repeated_messages=3,
        refused_messages=1,
        readings=60,
        accepted=50,
        unmapped=20,
        reasons={"missing": 10, "bad_frame": 1},
    ),
    write_ms=5,
    newest_ms=NOW,
    retries={},
)


def samples():
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name.startswith("vitals_consumer")
    }


def test_outcomes_add_up_and_unmapped_readings_are_not_accepted_ones():
    before = samples()
    BatchMetrics().note([SUMMARY, SUMMARY], dict.fromkeys(PHASES, 0.5), NOW / 1000 + 1)
    more = {key: value - before.get(key, 0.0) for key, value in samples().items()}
    messages = [
        more["vitals_consumer_messages_total", outcome]
        for outcome in ("taken", "repeated", "refused")
    ]
    assert messages == [12, 6, 2]
    outcomes = ("accepted", "unmapped", "quarantined")
    assert [more["vitals_consumer_readings_total", outcome] for outcome in outcomes] == [60, 40, 20]
    assert more["vitals_consumer_quarantined_total", "missing"] == 20
    assert more["vitals_consumer_quarantined_total", "bad_frame"] == 2
    assert {more["vitals_consumer_batch_seconds_count", phase] for phase in PHASES} == {1}


def test_freshness_is_the_newest_reading_so_far_whatever_follows():
    metrics, phases = BatchMetrics(), dict.fromkeys(PHASES, 0.1)

    def freshness(*newest):
        metrics.note([replace(SUMMARY, newest_ms=moment) for moment in newest], phases, NOW / 1000)
        return samples()[("vitals_consumer_freshness_timestamp_seconds",)]

    assert freshness(NOW, NOW - 5000) == NOW / 1000
    assert freshness(NOW - 1000) == NOW / 1000
    assert freshness(None) == NOW / 1000
    assert freshness(None, NOW + 250) == NOW / 1000 + 0.25
    assert not math.isnan(samples()[("vitals_consumer_last_commit_timestamp_seconds",)])
