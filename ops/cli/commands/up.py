"""``vitals up``: the whole pipeline on this machine, until Ctrl-C or for a time."""

import signal
import time
from collections.abc import Callable
from contextlib import closing

from rich.console import Console

from ops.look.live_view import LiveView
from ops.look.snapshot import Observer, Snapshot, look_if_possible, wait_drained
from ops.stack.environments import Plan
from ops.stack.invocation import Invocation
from ops.stack.pipeline import Pipeline

_LOOK_EVERY_SECONDS = 1.0
_DRAIN_SECONDS = 300.0


def up(
    invocation: Invocation,
    plan: Plan,
    *,
    for_seconds: float | None = None,
    when_drained: Callable[[Pipeline], None] | None = None,
) -> None:
    """Starts everything, shows it, and stops all of it, whatever happens.

    ``for_seconds``: after this time the producers stop, the consumer catches up,
    ``when_drained`` is called, and the rest stops.

    Raises VitalsError if a process cannot run; everything has been stopped by then.
    """
    # closing the terminal and `vitals down` end it as Ctrl-C does
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with LiveView(Console(stderr=True)) as view:
        pipeline = Pipeline(invocation, plan, view.say)
        try:
            pipeline.start()
            _watch(pipeline, view, for_seconds)
            if for_seconds is not None and when_drained is not None:
                when_drained(pipeline)
        except KeyboardInterrupt:
            view.say("stopping everything")
        finally:
            pipeline.stop()
            view.say("all stopped")


def _watch(pipeline: Pipeline, view: LiveView, for_seconds: float | None) -> None:
    started, seen = time.monotonic(), False
    with closing(_Looks(pipeline)) as looks:
        while for_seconds is None or time.monotonic() - started < for_seconds:
            pipeline.check()
            snapshot = looks.look()
            seconds = time.monotonic() - started
            if not seen and snapshot and snapshot.totals.readings:
                seen = True
                view.say(f"first rows committed {seconds:.1f} s after the producers started")
            view.show(_headline(seconds, for_seconds), snapshot, pipeline.supervisor.services)
            time.sleep(_LOOK_EVERY_SECONDS)
        if for_seconds is not None:
            _drain(pipeline, view, looks)


class _Looks:
    """At the broker and the database where they are now: a port that was taken moves them."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._addresses = (pipeline.kafka(), pipeline.database())
        self._observer = Observer(*self._addresses)

    def look(self) -> Snapshot | None:
        addresses = (self._pipeline.kafka(), self._pipeline.database())
        if addresses != self._addresses:
            self._observer.close()
            self._addresses, self._observer = addresses, Observer(*addresses)
        return look_if_possible(self._observer)

    def close(self) -> None:
        self._observer.close()


def _drain(pipeline: Pipeline, view: LiveView, looks: _Looks) -> None:
    pipeline.stop_producers()
    view.say("waiting until everything that was produced is committed")

    def lag() -> int | None:
        pipeline.check()
        snapshot = looks.look()
        view.show("draining", snapshot, pipeline.supervisor.services)
        return snapshot.lag_messages if snapshot else None

    wait_drained(lag, _DRAIN_SECONDS)


def _headline(seconds: float, for_seconds: float | None) -> str:
    if for_seconds is None:
        return f"running for {seconds:.0f} s; Ctrl-C stops everything"
    return f"{seconds:.0f} of {for_seconds:.0f} s"
