"""One message that carries the reading, and what became of the reading in it."""

from dataclasses import dataclass, field
from enum import StrEnum

from db.ledger import LedgerRow
from db.moments import epoch_ms
from db.read.quarantine_desk import OPEN, RESENT, RESOLVED, WholeEntry
from db.read.traces import Place
from ops.explain.archive import ArchiveLine
from ops.explain.rules import Judgement
from ops.explain.trusted import TrustedRow
from ops.look.messages import SeenMessage
from schemas.batch import SensorBatch
from schemas.reasons import OF_ORIGIN, Reason


class Fate(StrEnum):
    """What became of a reading in one message."""

    ACCEPTED = "accepted"
    ENTERED_LATER = "accepted, entered when it had a mapping"
    UNMAPPED = "accepted, waits for a mapping"
    DISCARDED = "discarded by a person"
    QUARANTINED = "quarantined"
    RESENT = "quarantined, sent again"
    OVERTAKEN = "came late, a newer value is stored"
    REFUSED = "its whole message was refused"
    IN_TOPIC = "in the topic, not committed yet"
    IN_OUTBOX = "in the outbox, not published yet"
    LOST = "acknowledged by Kafka, but neither committed nor in the topic any more"
    UNSURE = "acknowledged by Kafka and not committed; the topic could not be read"
    UNTOLD = "committed, but neither in the trusted files nor in quarantine"


_ANEW = "if the rules have changed, `vitals quarantine resend` has it judged again"
_AFTER_RULES = (Reason.UNMAPPED, Reason.OVERTAKEN, Reason.REFUSED_BY_DATABASE)
_CANDIDATES = (Fate.ENTERED_LATER, Fate.ACCEPTED)


@dataclass
class Sightings:
    """All that were found: by place, or by batch until it is processed."""

    placed: dict[tuple[Place, int, int], "Sighting"] = field(default_factory=dict)
    untaken: dict[tuple[str, int, int], "Sighting"] = field(default_factory=dict)

    def all(self) -> list["Sighting"]:
        """All of them, in no particular order."""
        return [*self.placed.values(), *self.untaken.values()]

    def at(self, place: Place, series: int, position: int) -> "Sighting":
        """The sighting at a place, created if it is new."""
        key = (place, series, position)
        return self.placed.setdefault(key, Sighting(series, position, place=place))

    def of_batch(self, batch_id: str, series: int, position: int) -> "Sighting":
        """The sighting of a batch that is not processed yet, created if it is new."""
        key = (batch_id, series, position)
        return self.untaken.setdefault(key, Sighting(series, position, batch_id=batch_id))

    def settle(self, batch_id: str, place: Place) -> None:
        """Gives the sightings of an unprocessed batch its place."""
        for key in [key for key in self.untaken if key[0] == batch_id]:
            sighting = self.untaken.pop(key)
            sighting.place = place
            self.placed[place, sighting.series, sighting.position] = sighting


@dataclass
class Sighting:
    """A reading at its place in a message; filled in while the places are searched."""

    series: int
    position: int
    batch_id: str | None = None
    place: Place | None = None
    archive: list[ArchiveLine] = field(default_factory=list)
    message: SeenMessage | None = None
    message_note: str = ""
    """Why ``message`` is None."""
    ledger: LedgerRow | None = None
    trusted: TrustedRow | None = None
    trusted_note: str = ""
    entry: WholeEntry | None = None
    repeats: list[Place] = field(default_factory=list)
    """Later messages of the same batch: without effect."""
    judgement: Judgement | None = None
    judgement_note: str = ""
    is_uncommitted: bool = False
    """Found in the topic after the last committed offset."""
    is_undone: bool = False
    """A person has taken back what it overwrote."""
    is_topic_asked: bool = True
    """Whether the broker answered."""

    @property
    def batch(self) -> SensorBatch | None:
        """What was sent, from the topic or else from the archive."""
        held = self.message.batch if self.message else None
        return held or (self.archive[0].batch if self.archive else None)

    @property
    def taken_ms(self) -> int | None:
        """When Kafka received it, as the consumer counts it (UTC epoch ms)."""
        if self.trusted is not None:
            return self.trusted.kafka_ms
        if self.message is not None:
            return self.message.taken_ms
        received = self.entry.entry.received_at if self.entry else None
        return None if received is None else epoch_ms(received)

    @property
    def fate(self) -> Fate:
        """What became of it, according to tables and files."""
        if self.entry is not None:
            return self._fate_in_quarantine(self.entry)
        if self.trusted is not None:
            return Fate.ACCEPTED
        if self.ledger is not None:
            is_accepted = self.judgement is not None and self.judgement.reason is None
            return Fate.ACCEPTED if is_accepted and self.trusted_note else Fate.UNTOLD
        if self.is_uncommitted:
            return Fate.IN_TOPIC
        if any(line.is_waiting for line in self.archive):
            return Fate.IN_OUTBOX
        return Fate.LOST if self.is_topic_asked else Fate.UNSURE

    @property
    def is_refused_whole(self) -> bool:
        """Whether no reading of its message was judged."""
        return self.entry is not None and self.entry.entry.position < 0

    @property
    def may_stand(self) -> bool:
        """Whether it went to ``registro`` and was not taken back; a newer one may have overwritten it."""
        return self.fate in _CANDIDATES and not self.is_undone

    @property
    def value(self) -> float | None:
        """As it was accepted: in the sensor's unit, rounded."""
        if self.trusted is not None:
            return self.trusted.value
        if self.entry is not None and self.entry.entry.reason == Reason.UNMAPPED:
            return self.entry.entry.value
        if self.judgement is not None and self.judgement.reason is None:
            return self.judgement.value
        return None

    @property
    def disagreement(self) -> str | None:
        """Where quarantine and today's rules disagree."""
        if self.entry is None:
            return None
        recorded = self.entry.entry.reason
        if self.is_refused_whole:
            batch = self.message.batch if self.message else None
            is_read = batch is not None and batch.is_identified
            # if the database refused it, or nobody could prove to have sent it, the bytes were readable
            if not is_read or recorded in (Reason.REFUSED_BY_DATABASE, *OF_ORIGIN):
                return None
            return f"quarantine says {recorded}, but the message can be read today: {_ANEW}"
        if self.judgement is None:
            return None
        found = self.judgement.reason
        # none comes from a rule: mapping, age and database are checked after the rules
        by_rules = None if recorded in _AFTER_RULES else recorded
        if found == by_rules:
            return None
        return f"quarantine says {recorded}, but today's rules say {found or 'accepted'}: {_ANEW}"

    def order(self) -> tuple[bool, int, int, int, int]:
        """Newest last: a reading whose mapping came later never overwrites a stored value."""
        committed = self.ledger.committed_ms if self.ledger else 1 << 62
        offset = self.place.offset if self.place else 1 << 62
        is_direct = self.fate is not Fate.ENTERED_LATER
        return is_direct, committed, offset, self.series, self.position

    def _fate_in_quarantine(self, whole: WholeEntry) -> Fate:
        entry = whole.entry
        if self.is_refused_whole:
            return Fate.REFUSED
        if entry.reason == Reason.UNMAPPED:
            fates = {OPEN: Fate.UNMAPPED, RESOLVED: Fate.ENTERED_LATER}
            return fates.get(entry.state, Fate.DISCARDED)
        if entry.reason == Reason.OVERTAKEN:
            return Fate.OVERTAKEN
        return Fate.RESENT if entry.state in (RESENT, RESOLVED) else Fate.QUARANTINED
