"""The names of the metrics, and that dashboard and alerts use no others."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

import consumer.driver.metrics
import producer.metrics
from common.health import Health
from common.metrics_server import _Checks
from schemas.reasons import Reason

FOLDER = Path(__file__).parents[2] / "ops" / "observability"
ALERTS = (FOLDER / "alerts.yml").read_text(encoding="utf-8")
DASHBOARD = json.loads((FOLDER / "grafana" / "vital-signs.json").read_text(encoding="utf-8"))
FAMILIES = [
    family
    for family in [*REGISTRY.collect(), *_Checks(Health()).collect()]
    if family.name.startswith("vitals_")
]
LABELS = {
    "vitals_ready": {"check"},
    "vitals_producer_info": {"producer_id", "window_ms"},
    "vitals_producer_readings_total": {"stage"},
    "vitals_producer_batches_total": {"stage"},
    "vitals_producer_window_seconds": {"phase"},
    "vitals_producer_outbox_files": set(),
    "vitals_producer_shards": set(),
    "vitals_producer_patients": set(),
    "vitals_producer_windows_skipped_total": set(),
    "vitals_producer_made_until_timestamp_seconds": set(),
    "vitals_producer_kafka_errors_total": {"error"},
    "vitals_producer_archive_errors_total": {"errno"},
    "vitals_producer_last_window_timestamp_seconds": set(),
    "vitals_consumer_messages_total": {"outcome"},
    "vitals_consumer_readings_total": {"outcome"},
    "vitals_consumer_quarantined_total": {"reason"},
    "vitals_consumer_batch_seconds": {"phase"},
    "vitals_consumer_lag_messages": {"partition"},
    "vitals_consumer_freshness_timestamp_seconds": set(),
    "vitals_consumer_last_commit_timestamp_seconds": set(),
    "vitals_consumer_retries_total": {"errno_class"},
}
"""All that there is. None of it tells one patient from another, and a label has few values."""


def full_name(family):
    return family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")


def labels_of(module):
    found = {}
    for metric in vars(module).values():
        if hasattr(metric, "_labelnames"):
            (family,) = metric.collect()
            found[full_name(family)] = set(metric._labelnames)
    return found


def test_metrics_and_their_labels_are_these():
    found = labels_of(producer.metrics) | labels_of(consumer.driver.metrics)
    found |= {"vitals_ready": {"check"}, "vitals_producer_info": {"producer_id", "window_ms"}}
    assert found == LABELS
    assert {full_name(family) for family in FAMILIES} == set(LABELS)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_name_has_its_part_its_base_unit_and_its_type(family):
    name = full_name(family)
    assert re.fullmatch(r"vitals(_[a-z]+)+", name)
    assert not re.search(r"_(ms|milliseconds|minutes|kb|percent)\b", name)
    assert name.endswith("_total") == (family.type == "counter")
    if family.type == "histogram" or "timestamp" in name:
        assert name.endswith("_seconds")
    assert family.documentation


def test_series_that_may_stay_empty_begin_at_zero():
    """A rate needs the zero before the first one."""
    stages = [
        REGISTRY.get_sample_value("vitals_producer_readings_total", {"stage": stage})
        for stage in producer.metrics.STAGES
    ]
    reasons = [
        REGISTRY.get_sample_value("vitals_consumer_quarantined_total", {"reason": reason})
        for reason in Reason
        if reason is not Reason.UNMAPPED
    ]
    assert None not in [*stages, *reasons]


def queries():
    found = re.findall(r"expr: (?:>-\n)?((?:.+\n)(?:          .*\n)*)", ALERTS)
    return [
        *found,
        *(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]),
    ]


def test_dashboard_and_alerts_use_only_metrics_that_exist():
    parts = {"histogram": ("_bucket", "_count", "_sum")}
    known = {
        full_name(family) + suffix
        for family in FAMILIES
        for suffix in parts.get(family.type, ("",))
    }
    asked = {name for query in queries() for name in re.findall(r"\bvitals_\w+", query)}
    assert len(asked) > 12
    assert asked <= known
    assert len(queries()) == ALERTS.count("expr:") + sum(
        len(panel["targets"]) for panel in DASHBOARD["panels"]
    )


def test_label_values_in_queries_are_ones_that_occur():
    asked = {pair for query in queries() for pair in re.findall(r'(\w+)="([^"]+)"', query)}
    known = {
        *(("stage", stage) for stage in producer.metrics.STAGES),
        *(
            ("phase", phase)
            for phase in (*producer.metrics.PHASES, *consumer.driver.metrics.PHASES)
        ),
        *(("outcome", outcome) for outcome in consumer.driver.metrics.READING_OUTCOMES),
        *(("check", check) for check in ("group", "broker", "database", "query", "batch")),
        *(("job", job) for job in ("producer", "consumer")),
    }
    assert asked <= known


def test_each_alert_points_to_the_section_of_its_name():
    alerts = re.findall(r"- alert: (\w+)\n", ALERTS)
    runbooks = re.findall(r"runbook: docs/how-to/operations\.md#([a-z-]+)\n", ALERTS)
    assert runbooks == [alert.replace("_", "-") for alert in alerts]
    assert len(set(alerts)) == len(alerts) >= 8
    assert ALERTS.count("severity: ") == len(alerts)


def test_panels_of_the_dashboard_do_not_overlap():
    places = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) < 24
