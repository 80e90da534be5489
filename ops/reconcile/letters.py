"""Quarantine against the dead-letter topic: each refused message has its copy there, unchanged.

The topic is a copy for people who work at the broker, and has a retention of its own.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from common.broker.dead_letters import DeadLetter, dead_letter_of
from common.broker.limits import KEPT_BYTES
from common.broker.reader import TopicReader
from common.broker.topics import cluster
from common.settings import KafkaSettings
from db.ledger import LedgerRow
from ops.reconcile.findings import Finding, counted
from ops.reconcile.proof import Proof
from schemas.reasons import Reason

_CLOCKS_MS = 60_000
"""What the clocks of broker and database may differ by."""
_NONE_LEFT = 1 << 62

Place = tuple[int, int]
"""Partition and offset."""


@dataclass(frozen=True)
class Letters:
    """What the dead-letter topic holds; an instance is read once."""

    topic: str
    found: Iterable[tuple[str, DeadLetter | None]] = ()
    """The place of each in that topic; None: it says of nothing that it is its copy."""
    since_ms: int = 0
    """When the oldest that retention has left was written, epoch ms."""
    exists: bool = True


class _Kept(NamedTuple):
    """What is kept of a refused message."""

    digest: bytes
    reason: str
    is_cut: bool
    """Whether the database refused the whole of it, so that only its beginning may be there."""


@dataclass
class Copies:
    """Refused messages without a dead letter."""

    missing: list[Place] = field(default_factory=list)
    """They can be copied from quarantine."""
    cut: int = 0
    """Those of which quarantine does not have everything."""


def read_letters(settings: KafkaSettings) -> Letters:
    """The dead-letter topic as it is now. Raises UnavailableError if the broker does not answer."""
    topic = settings.kafka_dlq_topic
    if topic not in cluster(settings).topics:
        return Letters(topic, exists=False)
    with TopicReader(settings) as reader:
        spans = reader.spans(topic)
        oldest = [
            message.timestamp()[1] if (message := reader.first(topic, number, span)) else _NONE_LEFT
            for number, span in spans.items()
            if span.first > 0
        ]

    def found() -> Iterator[tuple[str, DeadLetter | None]]:
        with TopicReader(settings) as reader:
            for message in reader.read(topic, spans):
                place = f"{topic} {message.partition()}@{message.offset()}"
                yield place, dead_letter_of(message)

    return Letters(topic, found(), max(oldest, default=0))


def compare_letters(
    proof: Proof,
    letters: Letters,
    refused: Iterable[DeadLetter],
    topic: str,
    ranges: Sequence[LedgerRow],
    next_offsets: Mapping[tuple[str, int], int],
) -> Copies:
    """Notes what is missing, altered or too much; a copy that is there twice counts as one.

    ``refused``: the refused messages of ``topic`` as quarantine keeps them.
    """
    if not letters.exists:
        proof.notes.append(f"there is no dead-letter topic {letters.topic}: no copies to compare")
        return Copies()
    kept = {(entry.partition, entry.offset): _kept(entry) for entry in refused}
    right, altered, stray = _sorted_out(letters, kept, topic, next_offsets)
    names = [*altered.values(), *(_name(topic, place) for place, told in right.items() if not told)]
    proof.find(Finding.ALTERED_DEAD_LETTER, names, len(names))
    proof.find(Finding.STRAY_DEAD_LETTER, stray, len(stray))
    missing = sorted(kept.keys() - right.keys() - altered.keys())
    lost = _not_removed(proof, letters, missing, _Commits(topic, ranges)) if missing else []
    cut = [place for place in lost if kept[place].is_cut]
    told = [_name(topic, place, " (quarantine has its beginning only)") for place in cut]
    whole = [place for place in lost if not kept[place].is_cut]
    names = [*(_name(topic, place) for place in whole), *told]
    proof.find(Finding.NO_DEAD_LETTER, names, len(lost))
    return Copies(whole, len(cut))


def _sorted_out(
    letters: Letters,
    kept: Mapping[Place, _Kept],
    topic: str,
    next_offsets: Mapping[tuple[str, int], int],
) -> tuple[dict[Place, bool], dict[Place, str], list[str]]:
    """Messages with a right copy (and whether one gives the reason), the names of wrong and of needless ones."""
    right: dict[Place, bool] = {}
    altered: dict[Place, str] = {}
    stray: list[str] = []
    for name, letter in letters.found:
        if letter is None:
            stray.append(name)
            continue
        place = (letter.partition, letter.offset)
        if letter.topic != topic or place[1] >= next_offsets.get((topic, place[0]), 0):
            # of another topic, or of a range that is not committed yet
            continue
        if (entry := kept.get(place)) is None:
            stray.append(name)
        elif _digest(letter, is_cut=entry.is_cut) != entry.digest:
            altered[place] = name
        else:
            is_told = entry.reason in {letter.reason, Reason.REFUSED_BY_DATABASE}
            right[place] = right.get(place, False) or is_told
    return right, altered, stray


def _not_removed(
    proof: Proof, letters: Letters, missing: Sequence[Place], commits: "_Commits"
) -> list[Place]:
    """Those of which retention cannot have removed the copy; the others are in a note."""
    if not letters.since_ms:
        return list(missing)
    lost = [place for place in missing if commits.of(place) >= letters.since_ms + _CLOCKS_MS]
    if removed := len(missing) - len(lost):
        proof.notes.append(
            f"{counted(removed, 'dead letter')} not compared: topic {letters.topic} does not go back"
            " that far (retention)"
        )
    return lost


class _Commits:
    """When ranges were committed."""

    def __init__(self, topic: str, ranges: Sequence[LedgerRow]) -> None:
        self._ranges = sorted(
            (part.partition, part.first, part.until, part.committed_ms)
            for part in ranges
            if part.topic == topic
        )

    def of(self, place: Place) -> int:
        """When the range with this message was committed, epoch ms; never, if there is none."""
        partition, offset = place
        at = bisect_right(self._ranges, (partition, offset, _NONE_LEFT, 0)) - 1
        if at >= 0:
            found, first, until, committed_ms = self._ranges[at]
            if found == partition and first <= offset < until:
                return committed_ms
        return _NONE_LEFT


def _name(topic: str, place: Place, more: str = "") -> str:
    return f"message {topic} {place[0]}@{place[1]}{more}"


def _kept(entry: DeadLetter) -> _Kept:
    is_cut = (
        entry.reason == Reason.REFUSED_BY_DATABASE
        and len(entry.body or b"") == KEPT_BYTES
        and not entry.headers
    )
    return _Kept(_digest(entry, is_cut=is_cut), entry.reason, is_cut)


def _digest(letter: DeadLetter, *, is_cut: bool) -> bytes:
    """Of key, body and headers, each told apart from nothing and from its neighbours."""
    body, headers = letter.body, letter.headers
    if is_cut:
        body, headers = (body or b"")[:KEPT_BYTES], ()
    names = (part for name, value in headers for part in (name.encode(), value))
    digest = blake2b(digest_size=16)
    for part in (letter.key, body, *names):
        digest.update(b"-" if part is None else b"%d:" % len(part))
        digest.update(part or b"")
    return digest.digest()
