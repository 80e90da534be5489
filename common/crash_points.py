"""Places where a test kills a process, as a power cut at that point would.

Off in every installation: without ``CRASH_POINT`` each place costs one comparison.
"""

import os
import signal
from enum import StrEnum

from common.errors import ConfigurationError
from common.output import say
from common.settings import Settings


class CrashPoint(StrEnum):
    """Every place, in the order in which a reading passes them.

    The producer reaches the ``file`` places with the raw archive, the consumer's workers with
    trusted files. The producer reaches the ``move`` places, and so does a repair that sets files
    aside. ``vitals reconcile --repair`` and the process that it starts reach ``repair`` and
    ``republish``; a resend of quarantined readings reaches ``resend``.
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
    """The crash point at which producer, consumer or repair dies: `range.locked`, or `range.locked:3`
    for the third time it gets there. `common/crash_points.py` lists them."""


_armed: CrashPoint | None = None
_left = 0


def arm(settings: CrashSettings) -> None:
    """Arms one crash point. Raises ConfigurationError for an unknown one."""
    global _armed, _left
    if settings.crash_point is None:
        return
    name, _, times = settings.crash_point.partition(":")
    try:
        _armed, _left = CrashPoint(name), int(times or 1)
    except ValueError as error:
        raise ConfigurationError(
            f"CRASH_POINT {settings.crash_point} is not a crash point",
            hint=f"leave it unset, or use one of: {', '.join(CrashPoint)}",
        ) from error


def last_words(point: CrashPoint) -> str:
    """What a process says when it dies there."""
    return f"crash point {point} reached"


def reach(point: CrashPoint) -> None:
    """Kills the process if this crash point is armed; `last_words` are the last line of its log."""
    global _left  # noqa: PLW0603 - must cost next to nothing, so no object to ask
    if _armed is point:
        _left -= 1
        if _left == 0:
            say(last_words(point))
            os.kill(os.getpid(), signal.SIGKILL)
