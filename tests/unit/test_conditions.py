"""The one list of conditions: what makes `vitals status` exit with 1 and the page raise an alarm."""

import json
import math
import time
from datetime import datetime

import pytest

from common.repeated_starts import RepeatedStart
from common.times import unix_ms
from db.read.status import LedgerTotals
from ops.look.codes import Code
from ops.look.conditions import Seen, conditions_of
from ops.look.processes import Process
from ops.monitor.settling import is_settling
from ops.stack.log_tail import last_error
from ops.stack.running import Failures


def producer(name="producer-1", *, published_s=0.0, misses=0, started_s=0.0):
    """A producer whose newest window was published, or that started, that many seconds ago."""
    last = time.time() - published_s if published_s is not None else math.nan
    samples = {
        ("vitals_producer_info", frozenset({"window_ms": "10000"}.items())): 1.0,
        ("vitals_producer_last_window_timestamp_seconds", frozenset()): last,
    }
    return Process(
        *(("127.0.0.1", 1), "producer", name, True, samples),
        is_up=not misses,
        has_answered=True,
        misses=misses,
        started=time.time() - started_s,
    )


def codes(**seen):
    return {condition.code: condition.text for condition in conditions_of(Seen(**seen))}


def test_nothing_is_wrong_with_an_idle_pipeline():
    assert codes() == {}


def test_a_stopped_producer_that_is_the_only_one_is_named():
    found = codes(processes=[producer(misses=2)], expects_producers=True)

    assert found[Code.NO_PRODUCER] == "no producer is alive: producer-1 does not answer"
    assert Code.PRODUCER_GONE in found


def test_one_producer_of_two_is_enough():
    parts = [producer(misses=2), producer("producer-2")]

    assert set(codes(processes=parts, expects_producers=True)) == {Code.PRODUCER_GONE}


def test_producers_that_answer_and_publish_nothing_are_not_fresh():
    assert codes(processes=[producer(published_s=50)], expects_producers=True) == {}
    found = codes(processes=[producer(published_s=70)], expects_producers=True)
    assert found[Code.NO_PRODUCER].startswith("no producer is fresh: producer-1 published nothing")
    never = producer(published_s=None, started_s=70)
    assert Code.NO_PRODUCER in codes(processes=[never], expects_producers=True)


def test_the_time_of_producers_that_are_not_fresh_is_that_of_the_newest_published_window():
    """Or of the newest start, where none has published a window."""

    def since(*parts):
        text = codes(processes=parts)[Code.NO_PRODUCER]
        said = datetime.fromisoformat(text.rpartition(" since ")[2])
        return round(time.time() - said.timestamp())

    never = producer("producer-3", published_s=None, started_s=80)
    older = producer("producer-2", published_s=300)
    assert since(producer(published_s=200), older, never) == pytest.approx(200, abs=2)
    earlier = producer("producer-2", published_s=None, started_s=400)
    assert since(never, earlier) == pytest.approx(80, abs=2)


def test_a_producer_without_a_broker_is_not_the_fault():
    away = codes(
        processes=[producer(published_s=70)], expects_producers=True, broker_error="no answer"
    )

    assert away == {Code.BROKER_AWAY: "broker away: no answer"}


def test_a_monitor_that_does_not_answer_is_a_condition():
    page = Process(("127.0.0.1", 1), "monitor", "monitor", True, has_answered=True, misses=2)

    assert codes(processes=[page]) == {Code.MONITOR_AWAY: "monitor away: monitor does not answer"}


def test_a_part_that_is_restarted_again_and_again_names_its_error():
    now = unix_ms()
    often = {"consumer": Failures([now - 90_000, now - 60_000, now - 5_000], "OSError: disk full")}

    assert codes(failures=often)[Code.CRASH_LOOP] == (
        "consumer is restarted again and again (3 times in ten minutes): OSError: disk full"
    )
    seldom = {"consumer": Failures([now - 900_000, now - 60_000, now - 5_000], "x")}
    assert codes(failures=seldom) == {}


def test_a_consumer_that_begins_again_and_again_names_where():
    """Also in containers, where nobody but its own note counts its starts."""
    assert codes(stuck={3: RepeatedStart(17, 4)}) == {
        Code.CRASH_LOOP: "consumer is restarted again and again: 4 starts in a row at partition 3, offset 17"
    }


def test_what_waited_for_a_consumer_to_start_is_not_its_lag():
    consumer = Process(("127.0.0.1", 1), "consumer", "consumer", True, is_up=True)
    waiting = {"processes": [consumer], "lag_messages": 7, "waited_ms": 60_000.0}
    consumer.started = time.time() - 10
    assert codes(**waiting) == {}
    consumer.started = time.time() - 60
    assert set(codes(**waiting)) == {Code.NOTHING_COMMITTED}


def test_a_storm_of_quarantined_readings_is_judged_by_the_last_minute():
    minute = LedgerTotals(readings=2_000, accepted=1_800)
    minute.reasons.update({"missing": 200})

    assert codes(minute=minute)[Code.QUARANTINE_STORM].endswith("mostly missing")


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (
            ["Traceback (most recent call last):", "OSError: [Errno 28] full"],
            "OSError: [Errno 28] full",
        ),
        (["error: cannot reach the broker", "  -> start it"], "error: cannot reach the broker"),
        (
            [
                json.dumps(
                    {"level": "error", "event": "query_failed", "error": "a\nMemoryError: b"}
                ),
                json.dumps({"level": "info", "event": "stopped"}),
            ],
            "query_failed: MemoryError: b",
        ),
        (["\x1b[31mlast words"], " [31mlast words"),
        ([], "ended with code 1"),
    ],
)
def test_the_last_error_of_a_log_is_found(tmp_path, lines, error):
    log = tmp_path / "part.log"
    log.write_text("\n".join(lines))

    assert last_error(log, 1) == error
    assert last_error(log, -9) == "ended by SIGKILL"


def test_a_producer_that_backfills_after_its_start_is_settling():
    made = ("vitals_producer_made_until_timestamp_seconds", frozenset())

    def settling(made_ago_s, started_s):
        part = producer(started_s=started_s)
        part.samples[made] = time.time() - made_ago_s
        return is_settling(part, unix_ms())

    assert settling(300, 30)
    assert not settling(12, 30)
    assert not settling(300, 130), "a slow clock must not hide the patients for ever"
    assert settling(math.nan, 5)
    assert not settling(math.nan, 20), "a standby has no shards"


def test_a_certificate_that_ends_within_thirty_days_is_named_and_does_no_harm_yet():
    day_s = 86_400
    now = time.time()
    ends = {"kafka": now + 29.5 * day_s, "database": now + 31 * day_s, "authority": now - day_s}
    first, second = conditions_of(Seen(certificates=ends))
    assert (first.key, first.detail["days"]) == ("certificate_ends:kafka", 29)
    assert (second.key, second.detail["days"]) == ("certificate_ends:authority", 0)
    assert (first.severity, first.is_of_pipeline) == ("warning", False)
