"""The page of all metrics, from the modules that define them."""

from collections.abc import Iterator
from types import ModuleType

from prometheus_client.metrics_core import Metric

import consumer.driver.metrics
import producer.metrics
from common.metrics_server import ready_family
from ops.reference.markdown import code, generated, page_of, table

PARTS: dict[str, ModuleType] = {"Producer": producer.metrics, "Consumer": consumer.driver.metrics}

_SUFFIXES = {"counter": "_total", "info": "_info"}

_HEAD = """\
With `METRICS_PORT` set, a producer and the consumer answer over HTTP: `/metrics` for Prometheus, `/live` (503 once
the main loop has been stuck for half a minute) and `/ready` (503 with one line for each thing that is
missing). `vitals up` gives each process a free port on the loopback interface; in containers it is 9100, on their
network only.

No metric names a patient or holds a vital value. Durations are seconds and timestamps are seconds since
1970; a value that is not known yet is NaN. Counters start at 0 with the process; the ledger (`livro_razao`) has
the totals."""


def metrics_page() -> str:
    """The whole page as Markdown."""
    both = _table([(ready_family(), ("check",))])
    parts = (part for title, module in PARTS.items() for part in _part(title, module))
    return page_of((generated("Metrics", "metrics"), _HEAD, "## Both", both, *parts))


def _part(title: str, module: ModuleType) -> Iterator[str]:
    yield f"## {title}"
    yield _table(
        [
            (family, vars(metric)["_labelnames"])
            for metric in vars(module).values()
            if hasattr(metric, "_labelnames")
            for family in metric.collect()
        ]
    )


def _table(families: list[tuple[Metric, tuple[str, ...]]]) -> str:
    rows = (
        (
            code(family.name + _SUFFIXES.get(family.type, "")),
            family.type,
            "; ".join(_label(family, label) for label in labels) or "none",
            family.documentation,
        )
        for family, labels in families
    )
    return table(("metric", "type", "labels", "meaning"), rows)


def _label(family: Metric, label: str) -> str:
    """The label with its values, if they are known in advance."""
    values = dict.fromkeys(sample.labels[label] for sample in family.samples)
    return code(label) + (f": {', '.join(values)}" if values else "")
