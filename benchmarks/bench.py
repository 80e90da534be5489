"""What every scenario gets: the stack, the sizes, the sides that take part, and the time that is left."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.peers import PEERS, Peer
from benchmarks.readings import MappingIds, mapping_ids
from benchmarks.settings import OURS, Sizes
from benchmarks.stack import BenchmarkStack, fresh_database
from common.errors import ConfigurationError, VitalsError
from common.times import unix_ms

CEILING = "ceiling"
PLAIN = "plain_script"
ALL_SIDES = (OURS, CEILING, PLAIN, "debezium", "flink", "quix", "pyspark_usual")
DAY_MS = 86_400_000

T = TypeVar("T")


@dataclass
class Bench:
    """One run of the bench."""

    stack: BenchmarkStack
    sizes: Sizes
    sides: tuple[str, ...]
    tell: Callable[[str], None]
    """Called with what is running now."""
    clif_table: Path | None = None
    results: dict[str, Any] = field(default_factory=dict)
    """Of earlier scenarios, by name."""
    seeded: int = 0
    began: float = field(default_factory=time.monotonic)
    """By ``time.monotonic``; the time includes the start of the stack."""
    _granted_s: float = 0.0
    _topics: dict[str, Any] = field(default_factory=dict)

    def install_peers(self) -> None:
        """Installs those that take part, on nobody's time; one that cannot be says so when it starts."""
        began = time.monotonic()
        for peer in self.peers():
            with suppress(VitalsError, OSError):
                peer.install(self.stack.cache, self.stack.java, self.tell)
        self.began += time.monotonic() - began

    def begin(self, scenario: str) -> None:
        """Gives a scenario its time, and what earlier ones have left."""
        self._granted_s += self.sizes.budget_s[scenario]

    def has_time(self, seconds: float = 0.0) -> bool:
        """Whether this much of the scenario's time is left."""
        return time.monotonic() + seconds < self.began + self._granted_s

    def wants(self, side: str) -> bool:
        """Whether this side takes part."""
        return side in self.sides

    def peers(self) -> list[Peer]:
        """The peers that take part."""
        return [PEERS[side] for side in self.sides if side in PEERS]

    def once(self, topic: str, publish: Callable[[], T]) -> T:
        """What ``publish`` returned for this topic, which is filled only once."""
        if topic not in self._topics:
            self._topics[topic] = publish()
        found: T = self._topics[topic]
        return found

    def patients(self, count: int) -> MappingIds:
        """The mappings of exactly this many demo patients; recreates a database that has others."""
        if self.seeded != count:
            fresh_database(self.stack.database, count)
            self.seeded = count
            self.__dict__.pop("_mapping_ids", None)
        return self._mapping_ids

    @cached_property
    def _mapping_ids(self) -> MappingIds:
        return mapping_ids(self.stack.database)

    @cached_property
    def start_ms(self) -> int:
        """The first window of every backlog: yesterday, so that no reading is in the future."""
        return (unix_ms() - DAY_MS) // 3_600_000 * 3_600_000


def chosen_sides(text: str | None) -> tuple[str, ...]:
    """The sides in a comma-separated list; all of them for None.

    Raises:
        ConfigurationError: one of them is unknown.
    """
    return _chosen(text, ALL_SIDES, "--sides")


def chosen_scenarios(text: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """Like ``chosen_sides``."""
    return _chosen(text, known, "--only")


def _chosen(text: str | None, known: tuple[str, ...], option: str) -> tuple[str, ...]:
    if text is None:
        return known
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in known]:
        raise ConfigurationError(
            f"cannot use {option} {text}: {', '.join(unknown)} is unknown",
            hint=f"known: {', '.join(known)}",
        )
    return tuple(name for name in known if name in wanted)
