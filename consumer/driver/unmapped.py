"""Enters the readings that waited for a mapping and have one now."""

import time

import structlog

from common.errors import UnavailableError
from common.settings import DatabaseSettings
from consumer.handover import IDLE_SECONDS
from db.connection import KeptConnection
from db.write.unmapped import Round, enter_mapped

_EVERY_SECONDS = 15.0
_GO_ON_SECONDS = 1.0
# a look must not keep the main loop from its heartbeat for long
_READINGS_PER_LOOK = 20_000

_log = structlog.get_logger()


class UnmappedReadings:
    """Enters them into ``registro`` within a minute of the mapping, even if no messages arrive."""

    def __init__(self, settings: DatabaseSettings) -> None:
        """Connects with the first look."""
        self._connection = KeptConnection(settings, idle_seconds=IDLE_SECONDS)
        self._next_at = 0.0
        self._looks = Round()

    def look(self) -> None:
        """Does nothing until the next look is due; a database that is away is tried again then.

        Raises ConfigurationError if the account is not allowed to.
        """
        if time.monotonic() < self._next_at:
            return
        try:
            connection = self._connection.get()
            if entered := enter_mapped(connection, limit=_READINGS_PER_LOOK, looks=self._looks):
                _log.info("unmapped_readings_entered", readings=entered)
        except UnavailableError as error:
            self._connection.close()
            _log.warning("unmapped_readings_wait", why=error.message)
        # with more pairs than one look is for, the next one goes on soon
        seconds = _EVERY_SECONDS if self._looks.after is None else _GO_ON_SECONDS
        self._next_at = time.monotonic() + seconds

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()
