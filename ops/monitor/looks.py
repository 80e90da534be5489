"""Every look at a patient leaves a row, or is refused."""

import time
from datetime import UTC, datetime

from db.connection import KeptConnection
from db.write.looks import record_look
from ops.monitor.sessions import Session

SAME_LOOK_S = 600.0
"""An open page asks every few seconds: until so long after its last row it is the same look."""
_MOST_REMEMBERED = 1_000


class Looks:
    """Writes them with an account that may do nothing else to ``acesso``; one thread at a time."""

    def __init__(self, writer: KeptConnection) -> None:
        """Connects with the first look."""
        self._writer = writer

    def record(self, session: Session, patient_id: str, address: str) -> None:
        """Returns once the row is durable. Raises as ``record_look``: then nothing may be shown."""
        now = time.monotonic()
        if now - session.looked.get(patient_id, float("-inf")) < SAME_LOOK_S:
            return
        at = datetime.now(UTC).replace(tzinfo=None)
        record_look(self._writer.get(), session.person.name, patient_id, address, at)
        if len(session.looked) >= _MOST_REMEMBERED:
            session.looked.clear()
        session.looked[patient_id] = now

    def close(self) -> None:
        """Closes the connection; the next look opens another one."""
        self._writer.close()
