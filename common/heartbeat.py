"""A sign of life for health checks: a file that a loop touches while it turns."""

import time
from pathlib import Path

from common.settings import Settings

_EVERY_SECONDS = 1.0


class HeartbeatSettings(Settings):
    """``HEARTBEAT_FILE``: the file to touch; without it nothing is touched."""

    heartbeat_file: Path | None = None


class Heartbeat:
    """Touches its file at most once a second; its age says since when the loop stands."""

    def __init__(self, settings: HeartbeatSettings) -> None:
        """Touches nothing before the first `beat`: until then the process is starting."""
        self._file = settings.heartbeat_file
        self._next_at = 0.0

    def beat(self) -> None:
        """Says that the loop turns. Raises OSError where the file cannot be touched."""
        if self._file is not None and (now := time.monotonic()) >= self._next_at:
            self._next_at = now + _EVERY_SECONDS
            self._file.touch()
