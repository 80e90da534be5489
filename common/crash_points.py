"""Places where a test lets a process die, as a power cut just there would.

Off in every installation: without ``CRASH_POINT`` a place costs one comparison.
"""

import os
import signal
from enum import StrEnum

from common.errors import ConfigurationError
from common.settings import Settings


class CrashPoint(StrEnum):
    """Every place, in the order in which a reading passes them.

    The ``file`` places are met by the producer for the raw archive and by the consumer's workers
    for trusted files, the ``move`` places by the producer (and by a repair that sets files aside), the
    ``repair`` and ``republish`` places by ``vitals reconcile --repair`` and the process that it starts, the
    ``resend`` places by a quarantined reading that is sent again.
    """

    FILE_WRITTEN = "file.written"
    FILE_SYNCED = "file.synced"
    FILE_RENAMED = "file.renamed"
    FILE_DURABLE = "file.durable"
    OUTBOX_QUEUED = "outbox.queued"
    OUTBOX_ACKNOWLEDGED = "outbox.acknowledged"
    MOVE_RENAMED = "move.renamed"
    MOVE_DURABLE = "move.durable"
    POSITIONS_SENT = "positions.sent"
    POSITIONS_COMMITTED = "positions.committed"
    RANGE_LOCKED = "range.locked"
    RANGE_TRUSTED = "range.trusted"
    RANGE_REGISTRO = "range.registro"
    RANGE_QUARANTINE = "range.quarantine"
    RANGE_LEDGER = "range.ledger"
    RANGE_COMMITTED = "range.committed"
    OFFSETS_BEFORE = "offsets.before"
    OFFSETS_SENT = "offsets.sent"
    REPAIR_ENTERED = "repair.entered"
    REPAIR_LOCKED = "repair.locked"
    REPAIR_FORGOTTEN = "repair.forgotten"
    REPAIR_SET_ASIDE = "repair.set_aside"
    REPUBLISH_QUEUED = "republish.queued"
    REPUBLISH_ACKNOWLEDGED = "republish.acknowledged"
    RESEND_CLAIMED = "resend.claimed"
    RESEND_SENT = "resend.sent"
    RESEND_TAKEN = "resend.taken"
    RESEND_MARKED = "resend.marked"


class CrashSettings(Settings):
    """For tests only."""

    crash_point: str | None = None
    """The place at which producer, consumer or repair dies: `range.locked`, or `range.locked:3` for
    the third time it gets there. The places are listed in `common/crash_points.py`."""


_armed: CrashPoint | None = None
_left = 0


def arm(settings: CrashSettings) -> None:
    """Chooses the place. Raises ConfigurationError for one that there is not."""
    global _armed, _left
    if settings.crash_point is None:
        return
    name, _, times = settings.crash_point.partition(":")
    try:
        _armed, _left = CrashPoint(name), int(times or 1)
    except ValueError as error:
        raise ConfigurationError(
            f"CRASH_POINT {settings.crash_point} is no place to die at",
            hint=f"leave it unset, or take one of: {', '.join(CrashPoint)}",
        ) from error


def reach(point: CrashPoint) -> None:
    """Dies here, if this is the place."""
    global _left  # noqa: PLW0603 - a place must cost nothing, so it cannot ask an object
    if _armed is point:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
