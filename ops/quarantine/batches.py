"""Open quarantine entries as batches: pure functions; the same entries make the same batch."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from common.broker.limits import MAX_MESSAGE_BYTES
from common.errors import BadInputError
from db.mend.resend import OpenEntry
from schemas.batch import SINGLE_INTERVAL_MS, SensorBatch, Series, content_batch_id
from schemas.catalogue import canonical_name
from schemas.reasons import Reason
from schemas.wire.codec import MOST_GATHERED_BYTES, default_codec

# a name from earlier versions: what they claimed or archived is finished under the same ids
PRODUCER_ID = "requeue"
# an int on the wire
_LONGEST_STEP_MS = (1 << 31) - 1
_SERIES_BYTES = 60

NO_TIME = "without a usable time"
FUTURE = "of the future (name them with --reason future_timestamp)"
UNREADABLE = "messages that still cannot be read"
UNPROVEN = "messages of unproven origin (name them with --reason unauthentic if you vouch for them)"
CONFLICTING = "messages whose batch id was taken by other content"


@dataclass(frozen=True)
class Resend:
    """A batch with the entries that it carries, all from one message."""

    batch: SensorBatch
    entries: Sequence[OpenEntry]
    positions: Sequence[tuple[int, int]] = ()
    """Series and position of each entry in the batch; empty if the message is sent unchanged."""

    @property
    def known_ms(self) -> int | None:
        """Since when its readings are known: later values replace them, not the other way round."""
        return _known_ms(self.entries)

    @property
    def original(self) -> OpenEntry | None:
        """The entry of a whole message, which is resent with its own bytes."""
        return None if self.positions else self.entries[0]

    @property
    def is_claimed(self) -> bool:
        """Whether an earlier run claimed it."""
        return self.entries[0].claimed_by is not None


@dataclass
class Portion:
    """What can be resent of some messages, and the number of entries that cannot, by reason."""

    resends: list[Resend] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)


def portion_of(
    entries: Iterable[OpenEntry], *, topic: str, reason: str | None, produced_at: int
) -> Portion:
    """The batches for these entries, which are sorted by place.

    ``reason``: the selected one; readings with a future time are resent only if it is theirs:
    their time may have passed by now, so the same rule would accept them. Nor are messages that nobody
    has signed, unless a person names them.
    """
    portion = Portion()
    for _, group in groupby(entries, lambda entry: (entry.partition, entry.offset)):
        message = list(group)
        for entry in message:
            if entry.is_message and (entry.is_selected or entry.claimed_by):
                _add_message(portion, entry, reason)
        readings = [entry for entry in message if not entry.is_message]
        for claimed in sorted({reading.claimed_by for reading in readings if reading.claimed_by}):
            of_batch = [reading for reading in readings if reading.claimed_by == claimed]
            portion.resends.append(_resend(claimed, of_batch, produced_at))
        unclaimed = [reading for reading in readings if not reading.claimed_by]
        for part in _parts(_sendable(portion, unclaimed, reason)):
            identity = _identity(topic, part)
            portion.resends.append(_resend(identity, part, produced_at))
    return portion


def _add_message(portion: Portion, entry: OpenEntry, reason: str | None) -> None:
    # sent again, it would be signed in our name
    is_vouched_for = entry.claimed_by or reason == Reason.UNAUTHENTIC
    if entry.reason == Reason.CONFLICTING or (
        entry.reason == Reason.UNAUTHENTIC and not is_vouched_for
    ):
        portion.left[CONFLICTING if entry.reason == Reason.CONFLICTING else UNPROVEN] += 1
        return
    body = entry.body or b""
    try:
        batch = default_codec().decode(body)
    except BadInputError:
        portion.left[UNREADABLE] += 1
        return
    if batch.is_identified and len(body) <= MAX_MESSAGE_BYTES:
        portion.resends.append(Resend(batch, [entry]))
    else:
        portion.left[UNREADABLE] += 1


def _sendable(
    portion: Portion, readings: Sequence[OpenEntry], reason: str | None
) -> list[OpenEntry]:
    selected = [reading for reading in readings if reading.is_selected]
    # a blood pressure is judged as a pair, so the other half is resent too
    instants = {reading.event_ms for reading in selected if _is_pressure(reading)}
    partners = [
        reading
        for reading in readings
        if not reading.is_selected and _is_pressure(reading) and reading.event_ms in instants
    ]
    found = []
    for entry in sorted([*selected, *partners], key=lambda entry: (entry.series, entry.position)):
        if entry.event_ms is None or entry.reason == Reason.INVALID_TIME or not entry.patient_id:
            portion.left[NO_TIME] += entry.is_selected
        elif entry.reason == Reason.FUTURE_TIMESTAMP and reason != Reason.FUTURE_TIMESTAMP:
            portion.left[FUTURE] += entry.is_selected
        else:
            found.append(entry)
    return found


def _is_pressure(entry: OpenEntry) -> bool:
    return canonical_name(entry.sensor or "") == "pressao_arterial"


def _parts(entries: Sequence[OpenEntry]) -> Iterator[list[OpenEntry]]:
    """Entries that fit into one message; those of one instant stay together."""
    part: list[OpenEntry] = []
    size = 0
    by_time = sorted(entries, key=lambda entry: (entry.event_ms or 0, entry.series, entry.position))
    for _, group in groupby(by_time, lambda entry: entry.event_ms):
        instant = list(group)
        added = sum(map(_bound, instant))
        if part and size + added > MOST_GATHERED_BYTES:
            yield part
            part, size = [], 0
        part += instant
        size += added
    if part:
        yield part


def _bound(entry: OpenEntry) -> int:
    names = (entry.sensor, entry.component, entry.unit)
    return _SERIES_BYTES + sum(len(name.encode()) for name in names if name)


def _identity(topic: str, entries: Sequence[OpenEntry]) -> str:
    places = sorted(
        (entry.partition, entry.offset, entry.series, entry.position) for entry in entries
    )
    text = ",".join(
        f"{partition}@{offset}/{series}.{position}"
        for partition, offset, series, position in places
    )
    return content_batch_id(f"requeue:{topic}:{text}", entries[0].patient_id or "", 0)


def _resend(identity: str, entries: Sequence[OpenEntry], produced_at: int) -> Resend:
    ordered = sorted(entries, key=lambda entry: (entry.series, entry.position))
    runs: list[list[OpenEntry]] = []
    for entry in ordered:
        if runs and _continues(runs[-1], entry):
            runs[-1].append(entry)
        else:
            runs.append([entry])
    batch = SensorBatch(
        batch_id=identity,
        patient_id=ordered[0].patient_id or "",
        producer_id=PRODUCER_ID,
        window_start=min(entry.event_ms or 0 for entry in ordered),
        produced_at=_made_ms(ordered, produced_at),
        series=tuple(_series(run) for run in runs),
    )
    positions = [(number, place) for number, run in enumerate(runs) for place in range(len(run))]
    return Resend(batch, ordered, positions)


def _known_ms(entries: Sequence[OpenEntry]) -> int | None:
    # a repair sends with the ages that it compared: they are older than what it sent them for
    ages = (age for entry in entries for age in (entry.received_ms, entry.known_ms))
    return min((age for age in ages if age is not None), default=None)


def _made_ms(entries: Sequence[OpenEntry], now_ms: int) -> int:
    # what another producer adopts is sent as old as this says; a future time was not yet plausible then
    if any(entry.reason == Reason.FUTURE_TIMESTAMP for entry in entries):
        return now_ms
    known_ms = _known_ms(entries)
    return now_ms if known_ms is None else known_ms


def _continues(run: Sequence[OpenEntry], entry: OpenEntry) -> bool:
    last = run[-1]
    names = (entry.series, entry.sensor, entry.component, entry.unit)
    if names != (last.series, last.sensor, last.component, last.unit):
        return False
    step = (entry.event_ms or 0) - (last.event_ms or 0)
    return 0 < step <= _LONGEST_STEP_MS and (
        len(run) == 1 or step == (last.event_ms or 0) - (run[-2].event_ms or 0)
    )


def _series(run: Sequence[OpenEntry]) -> Series:
    first = run[0]
    start = first.event_ms or 0
    interval_ms = (run[1].event_ms or 0) - start if len(run) > 1 else SINGLE_INTERVAL_MS
    values = [math.nan if entry.value is None else entry.value for entry in run]
    return Series(first.sensor or "", first.component, first.unit or "", start, interval_ms, values)
