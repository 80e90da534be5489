"""A disk that refuses windows: when to try again, and when others should take over."""

import time
from collections.abc import Sequence

import structlog

from common.health import Health
from producer import metrics
from schemas.batch import SensorBatch

_BACK_OFF_FIRST_S = 1.0
_BACK_OFF_MOST_S = 30.0
_LASTING_AFTER_S = 5.0

log = structlog.get_logger()


class Refusal:
    """The state of the archive's disk, as the check ``archive`` reports it."""

    def __init__(self, health: Health) -> None:
        """The disk works."""
        self._health = health
        self._began_at: float | None = None
        self._again_at = 0.0
        self._back_off_s = _BACK_OFF_FIRST_S
        self.batches: Sequence[SensorBatch] = ()
        """What the disk refused last."""

    @property
    def is_on(self) -> bool:
        """Whether the last write was refused."""
        return self._began_at is not None

    @property
    def is_waiting(self) -> bool:
        """Whether it is too early to try again."""
        return time.monotonic() < self._again_at

    @property
    def is_lasting(self) -> bool:
        """Whether it has lasted for so long that a replica with another disk should take over."""
        began_at = self._began_at
        return began_at is not None and time.monotonic() - began_at >= _LASTING_AFTER_S

    def note(self, error: OSError, batches: Sequence[SensorBatch]) -> None:
        """The disk has just refused these."""
        now = time.monotonic()
        self.batches = batches
        self._began_at = self._began_at or now
        self._again_at = now + self._back_off_s
        self._health.tell("archive", f"refused a window: {error.strerror}")
        metrics.count_archive_error(error)
        log.warning("archive_refused", error=error.strerror, again_in_s=self._back_off_s)
        self._back_off_s = min(2 * self._back_off_s, _BACK_OFF_MOST_S)

    def end(self) -> None:
        """The disk has just taken something. Safe to repeat."""
        if self._began_at is not None:
            log.info("archive_writes_again", after_s=round(time.monotonic() - self._began_at))
            self._health.tell("archive", None)
        self._began_at, self._back_off_s, self.batches = None, _BACK_OFF_FIRST_S, ()
