"""How often the consumer has begun at the same offsets: a message that ends it shows here.

A process that is killed by what it reads cannot tell why. So each start leaves a note before it reads,
and a stop on request removes it.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MOST = 2


@dataclass(frozen=True)
class RepeatedStart:
    """Where a partition was to be continued, and how often in a row."""

    offset: int
    starts: int

    @property
    def is_stuck(self) -> bool:
        """Whether it was tried often enough: something there ends the consumer."""
        return self.starts > _MOST


def starts_file(trusted_folder: Path, topic: str) -> Path:
    """The note of a topic's consumer, where other machines and containers can read it as well."""
    return trusted_folder / f".consumer-attempts-{topic}.json"


def read_starts(path: Path) -> dict[int, RepeatedStart]:
    """By partition, of those that had something to read; empty if the consumer was stopped in order.

    Never raises for a missing or foreign file.
    """
    try:
        found = json.loads(path.read_bytes())
        return {int(partition): RepeatedStart(**fields) for partition, fields in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def stuck_at(path: Path, committed: Mapping[int, int]) -> dict[int, RepeatedStart]:
    """By partition, where the consumer begins again and again; ``committed``: the ledger's next offsets.

    The note of a start stays until the next one: what has been committed since is not stuck.
    """
    return {
        partition: start
        for partition, start in read_starts(path).items()
        if start.is_stuck and committed.get(partition, 0) <= start.offset
    }


def note_start(
    path: Path, starts: Mapping[int, int], ends: Mapping[int, int]
) -> dict[int, RepeatedStart]:
    """Notes a start, and returns what is noted now.

    ``starts``, ``ends``: by partition, the offset to continue at and the partition's end.
    """
    before = read_starts(path)
    found = {}
    for partition, offset in starts.items():
        if offset < ends.get(partition, 0):
            last = before.get(partition)
            count = last.starts + 1 if last and last.offset == offset else 1
            found[partition] = RepeatedStart(offset, count)
    content = json.dumps({partition: vars(start) for partition, start in found.items()})
    # a disk that is full for a while must not keep the consumer from what it can do; a torn note is
    # none, and the counting starts over
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return found


def note_stop(path: Path) -> None:
    """Forgets the starts: the consumer was stopped on request."""
    with suppress(OSError):
        path.unlink()
