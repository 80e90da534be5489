"""Open entries of the quarantine as batches: pure, and the same entries make the same batch."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from common.errors import BadInputError
from db.mend.resend import OpenEntry
from schemas.batch import SINGLE_INTERVAL_MS, SensorBatch, Series, batch_id
from schemas.catalogue import canonical_name
from schemas.reasons import Reason
from schemas.wire.codec import MAX_MESSAGE_BYTES, MOST_GATHERED_BYTES, default_codec

# the names that earlier versions used: what they claimed or archived is finished under the same ids
PRODUCER_ID = "requeue"
# an int on the wire
_LONGEST_STEP_MS = (1 << 31) - 1
_SERIES_BYTES = 60

NO_TIME = "without a usable time"
FUTURE = "of the future (name them with --reason future_timestamp)"
UNREADABLE = "messages that still cannot be read"


@dataclass(frozen=True)
class Resend:
    """A batch with the entries that it carries: all of one message."""

    batch: SensorBatch
    entries: Sequence[OpenEntry]
    positions: Sequence[tuple[int, int]] = ()
    """Of each entry: series and position in the batch; none where the message goes as it was."""

    @property
    def original(self) -> OpenEntry | None:
        """The entry of a whole message, which is sent with its own bytes."""
        return None if self.positions else self.entries[0]

    @property
    def is_claimed(self) -> bool:
        """True where an earlier run was to send it."""
        return self.entries[0].claimed_by is not None


@dataclass
class Portion:
    """What can be sent of some messages, and how many entries cannot, by why."""

    resends: list[Resend] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)


def portion_of(
    entries: Iterable[OpenEntry], *, topic: str, reason: str | None, produced_at: int
) -> Portion:
    """The batches for these entries, which are in the order of their places.

    ``reason``: the one that was asked for; readings of the future are sent only where it is theirs,
    since their time has come by now for the same rule that refused them.
    """
    portion = Portion()
    for _, group in groupby(entries, lambda each: (each.partition, each.offset)):
        message = list(group)
        for each in message:
            if each.is_message and (each.is_selected or each.claimed_by):
                _add_message(portion, each)
        readings = [each for each in message if not each.is_message]
        for claimed in sorted({each.claimed_by for each in readings if each.claimed_by}):
            of_batch = [each for each in readings if each.claimed_by == claimed]
            portion.resends.append(_resend(claimed, of_batch, produced_at))
        fresh = _sendable(portion, [each for each in readings if not each.claimed_by], reason)
        for part in _parts(fresh):
            identity = _identity(topic, part)
            portion.resends.append(_resend(identity, part, produced_at))
    return portion


def _add_message(portion: Portion, entry: OpenEntry) -> None:
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
    selected = [each for each in readings if each.is_selected]
    # a pressure is judged by its pair: the other half goes with it
    instants = {each.event_ms for each in selected if _is_pressure(each)}
    partners = [
        each
        for each in readings
        if not each.is_selected and _is_pressure(each) and each.event_ms in instants
    ]
    found = []
    for each in sorted([*selected, *partners], key=lambda each: (each.series, each.position)):
        if each.event_ms is None or each.reason == Reason.INVALID_TIME or not each.patient_id:
            portion.left[NO_TIME] += each.is_selected
        elif each.reason == Reason.FUTURE_TIMESTAMP and reason != Reason.FUTURE_TIMESTAMP:
            portion.left[FUTURE] += each.is_selected
        else:
            found.append(each)
    return found


def _is_pressure(entry: OpenEntry) -> bool:
    return canonical_name(entry.sensor or "") == "pressao_arterial"


def _parts(entries: Sequence[OpenEntry]) -> Iterator[list[OpenEntry]]:
    """Entries that fit into one message; those of one instant stay together."""
    part: list[OpenEntry] = []
    size = 0
    by_time = sorted(entries, key=lambda each: (each.event_ms or 0, each.series, each.position))
    for _, group in groupby(by_time, lambda each: each.event_ms):
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
    places = sorted((e.partition, e.offset, e.series, e.position) for e in entries)
    text = ",".join(f"{p}@{o}/{s}.{n}" for p, o, s, n in places)
    return batch_id(f"requeue:{topic}:{text}", entries[0].patient_id or "", 0)


def _resend(identity: str, entries: Sequence[OpenEntry], produced_at: int) -> Resend:
    ordered = sorted(entries, key=lambda each: (each.series, each.position))
    runs: list[list[OpenEntry]] = []
    for each in ordered:
        if runs and _continues(runs[-1], each):
            runs[-1].append(each)
        else:
            runs.append([each])
    batch = SensorBatch(
        batch_id=identity,
        patient_id=ordered[0].patient_id or "",
        producer_id=PRODUCER_ID,
        window_start=min(each.event_ms or 0 for each in ordered),
        produced_at=produced_at,
        series=tuple(_series(run) for run in runs),
    )
    positions = [(number, place) for number, run in enumerate(runs) for place in range(len(run))]
    return Resend(batch, ordered, positions)


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
    values = [math.nan if each.value is None else each.value for each in run]
    return Series(first.sensor or "", first.component, first.unit or "", start, interval_ms, values)
