"""Which window is due, by a clock that may be wrong and after outages of any length."""

import structlog

from common.times import iso_of_ms, unix_ms
from producer import metrics
from producer.delivery.broker_clock import BrokerClock
from producer.live.positions import Positions
from producer.settings import ProducerSettings

AFTER_WINDOW_MS = 50
_AHEAD_MS = 60_000
"""By how much the clocks of two hosts may differ; a position further ahead of ours is wrong."""

log = structlog.get_logger()


class Schedule:
    """The windows to make next; skips what is too old, and sets back what lies in the future."""

    def __init__(
        self, settings: ProducerSettings, positions: Positions, broker_clock: BrokerClock
    ) -> None:
        """``positions``: of the shards that are ours, which change from outside."""
        self._window_ms = settings.window_ms
        self._catch_up_windows = max(1, settings.catch_up_ms // settings.window_ms)
        self._positions = positions
        self._broker_clock = broker_clock
        self._is_behind_disk = False
        self._is_ahead = False

    def due(self, *, is_disk_working: bool) -> tuple[int, frozenset[int]] | None:
        """The oldest window that is complete and not made, and for which shards.

        What the disk has refused is made later, however long that takes, as after a broker's outage.
        """
        current = (self._now_ms() - AFTER_WINDOW_MS) // self._window_ms
        oldest = current - self._catch_up_windows
        self._set_back(current, oldest)
        self._is_behind_disk |= not is_disk_working
        if not self._is_behind_disk:
            self._skip_to(oldest)
        due = self._positions.due(current - 1)
        if due is None and self._positions.shards:
            self._is_behind_disk = not is_disk_working
        return due

    def _now_ms(self) -> int:
        """Our clock, but never so far ahead of the broker's that the consumer would refuse readings.

        A batch counts once: what is made too early stays refused when its time has come.
        """
        now_ms, latest_ms = unix_ms(), self._broker_clock.latest_ms()
        is_ahead = now_ms > latest_ms
        if is_ahead and not self._is_ahead:
            log.warning(
                "clock_ahead_of_the_broker",
                by_s=round((now_ms - latest_ms) / 1000),
                hint="windows are made no further than the consumer accepts them: check NTP on this"
                " host, and on the broker's",
            )
        elif self._is_ahead and not is_ahead:
            log.info("clock_agrees_with_the_broker")
        self._is_ahead = is_ahead
        return int(min(now_ms, latest_ms))

    def _set_back(self, current: int, oldest: int) -> None:
        latest = current + max(1, _AHEAD_MS // self._window_ms)
        if ahead := self._positions.set_back(latest, back_to=oldest):
            log.warning(
                "positions_ahead_of_the_clock",
                shards=sorted(ahead),
                again_from=iso_of_ms(oldest * self._window_ms),
                hint="the clock of this host, or of the one that had these shards, was wrong;"
                " their windows are made again, which has no second effect",
            )

    def _skip_to(self, oldest: int) -> None:
        if skipped := self._positions.skip_to(oldest):
            metrics.WINDOWS_SKIPPED.inc(skipped)
            log.warning(
                "windows_skipped",
                windows=skipped,
                until=iso_of_ms(oldest * self._window_ms),
                hint="nobody made them within CATCH_UP_SECONDS",
            )
