"""What can be wrong: the codes of all conditions and alarms, and one condition as it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """Every condition and alarm; docs/how-to/operations.md explains each and what to do."""

    DATABASE_AWAY = "database_away"
    BROKER_AWAY = "broker_away"
    CONSUMER_AWAY = "consumer_away"
    CONSUMER_BEHIND = "consumer_behind"
    NOTHING_COMMITTED = "nothing_committed"
    PRODUCER_GONE = "producer_gone"
    NO_PRODUCER = "no_producer"
    CRASH_LOOP = "crash_loop"
    MONITOR_AWAY = "monitor_away"
    OUTBOX_GROWING = "outbox_growing"
    SENSOR_SILENT = "sensor_silent"
    PATIENT_STOPPED = "patient_stopped"
    MANY_SENSORS_SILENT = "many_sensors_silent"
    MANY_PATIENTS_STOPPED = "many_patients_stopped"
    WINDOW_TWICE = "window_twice"
    QUARANTINE_STORM = "quarantine_storm"
    UNAUTHENTIC_MESSAGES = "unauthentic_messages"
    CONFLICTING_BATCHES = "conflicting_batches"
    CERTIFICATE_ENDS = "certificate_ends"


CRITICAL = {
    Code.DATABASE_AWAY,
    Code.BROKER_AWAY,
    Code.CONSUMER_AWAY,
    Code.NOTHING_COMMITTED,
    Code.NO_PRODUCER,
    Code.CRASH_LOOP,
    Code.MANY_PATIENTS_STOPPED,
}


_NAMED_ONLY = {Code.QUARANTINE_STORM, Code.WINDOW_TWICE, Code.CERTIFICATE_ENDS}
_NAMED_ONLY |= {Code.UNAUTHENTIC_MESSAGES, Code.CONFLICTING_BATCHES}
"""The pipeline does what it should: devices or their settings are at fault, or there is time left."""


@dataclass(frozen=True)
class Condition:
    """Something wrong now: its code and subject, its sentence, and figures for a translated one."""

    code: Code
    subject: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict, compare=False)
    part: str = ""
    """Tells apart several conditions of one subject: the sensor's code."""
    text: str = field(default="", compare=False)
    """In English, for `vitals status`."""

    @property
    def key(self) -> str:
        """The same for the same condition as long as it lasts."""
        return ":".join(filter(None, (self.code, self.subject, self.part)))

    @property
    def severity(self) -> str:
        """``critical`` or ``warning``."""
        return "critical" if self.code in CRITICAL else "warning"

    @property
    def is_of_pipeline(self) -> bool:
        """Whether the pipeline itself is unwell, and `vitals status` exits with 1."""
        return self.code not in _NAMED_ONLY

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.key,
            "code": self.code,
            "subject": self.subject,
            "severity": self.severity,
            "text": self.text or self.key,
        }
