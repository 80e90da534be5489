"""The reading asked about: a patient, a sensor's component, and an instant."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from common.times import epoch_ms, iso_of_ms
from schemas.batch import SensorBatch
from schemas.catalogue import canonical_component, canonical_name, sensors
from schemas.cleaning.times import FIRST_TIME_MS, LAST_TIME_MS


@dataclass(frozen=True, slots=True)
class Question:
    """``sensor`` and ``component`` in canonical form; ``component`` None: any."""

    patient_id: str
    sensor: str
    component: str | None
    event_ms: int

    def is_about(self, sensor: str | None, component: str | None) -> bool:
        """Whether a sensor and component are those asked about, in any spelling."""
        part = canonical_component(component)
        return canonical_name(sensor or "") == self.sensor and self.component in (None, part)

    def positions(self, batch: SensorBatch) -> Iterator[tuple[int, int]]:
        """Series and position of the readings of a batch that are asked about."""
        if batch.patient_id != self.patient_id:
            return
        for number, run in enumerate(batch.series):
            if not self.is_about(run.sensor, run.component):
                continue
            elapsed, count = self.event_ms - run.start, len(run.values)
            if run.interval_ms == 0:
                # without an interval all values claim the same instant
                yield from ((number, place) for place in range(count) if elapsed == 0)
                continue
            position, rest = divmod(elapsed, run.interval_ms)
            if rest == 0 and 0 <= position < count:
                yield number, position


def question(patient_id: str, sensor: str, time: str, component: str | None) -> Question:
    """The question that these command-line arguments ask.

    Raises ValueError, with a message for a person, for an invalid time and for a sensor of several
    components if none is given.
    """
    code = canonical_name(sensor)
    known = next((candidate for candidate in sensors() if candidate.code == code), None)
    part = canonical_name(component) if component else None
    if part is None and known is not None:
        codes = [candidate.part for candidate in known.components]
        if len(codes) > 1:
            raise ValueError(f"{code} has several components: --component {' or '.join(codes)}")
        part = codes[0]
    return Question(patient_id, code, part, epoch_ms_of(time))


def epoch_ms_of(text: str) -> int:
    """UTC epoch milliseconds from ISO 8601 (UTC without a zone) or from epoch milliseconds.

    Raises ValueError for anything else, and outside the years 1000 to 9999.
    """
    try:
        found = int(text) if text.lstrip("-").isdecimal() else _iso_ms(text)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is not a time: give ISO 8601, such as 2026-03-01T08:00:00Z, or epoch milliseconds"
        ) from None
    if not FIRST_TIME_MS <= found <= LAST_TIME_MS:
        raise ValueError(f"{text!r} is not in the years 1000 to 9999")
    return found


def iso(milliseconds: int | None) -> str | None:
    """A time as `vitals` writes it; None stays None."""
    return None if milliseconds is None else iso_of_ms(milliseconds)


def _iso_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return epoch_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
