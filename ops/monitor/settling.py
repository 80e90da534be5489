"""Whether a producer that has just started still backfills: what it has not made is not missing yet."""

import math

from common.times import unix_ms
from ops.look.processes import Process

_STARTING_MS = 15_000
_JOINING_MS = 15_000
_SETTLING_MS = 120_000
_LATE_MS = 5_000


def is_settling(producer: Process, monitor_began_ms: int) -> bool:
    """True for at most two minutes after its start, so that a slow clock cannot hide the patients."""
    now_ms = unix_ms()
    if not producer.has_answered:
        return producer.is_fixed and now_ms - monitor_began_ms < _STARTING_MS
    made_s = producer.value("vitals_producer_made_until_timestamp_seconds")
    age_ms = now_ms - producer.started * 1000
    if not producer.is_up or made_s is None or producer.window_ms is None:
        return False
    if math.isnan(made_s):
        # no shards: it joins the group, or it is on standby
        return age_ms < _JOINING_MS
    late_ms = now_ms - made_s * 1000 - 2 * producer.window_ms
    return age_ms < _SETTLING_MS and late_ms > _LATE_MS
