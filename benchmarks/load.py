"""Open-loop load: windows are published when they end, however slowly they are read.

All messages are made in advance. Each patient's windows end at another moment, so that the load is even.
The readings of a window may be of any time: what counts is when the window is due.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.readings import MappingIds, Rows, Window, joined, window
from benchmarks.settings import INTERVAL_MS, READINGS_A_BATCH, WINDOW_MS
from common.broker.clients import Producer, producer
from common.settings import KafkaSettings
from producer.simulation import simulated_sensors
from schemas.wire.codec import default_codec
from schemas.wire.signature import Signer

_GRID_MS = 100
_LAST = simulated_sensors()[-1]
PROBED = (_LAST.code, _LAST.components[-1].part)
"""The last series of a batch, and of a window in a flat topic."""

Headers = list[tuple[str, str | bytes | None]]
Message = tuple[bytes, bytes, Headers]
Encode = Callable[[Window], list[Message]]


@dataclass(frozen=True)
class Row:
    """The last row of a window: once it is there, the whole window is."""

    mapping_id: int
    event_ms: int

    @property
    def component(self) -> str:
        """The component of the probed series."""
        return PROBED[1]


@dataclass(frozen=True)
class Shot:
    """What is published at one moment, in milliseconds since the load began."""

    due_ms: int
    messages: list[Message]
    probes: list[Row]


@dataclass(frozen=True)
class Load:
    """Shots in order, and the rows that must come of them."""

    shots: list[Shot]
    rows: Rows


def batches_of(made: Window) -> list[Message]:
    """The window's messages for the product's topic."""
    codec = default_codec()
    return [
        (batch.patient_id.encode(), codec.encode(batch), list(codec.headers(batch)))
        for batch in made.batches
    ]


def signed_batches(kafka: KafkaSettings) -> Encode:
    """As ``batches_of``, signed: the product's consumer takes no others."""
    signer = Signer(kafka.batch_key_path)
    return lambda made: [
        (key, body, list(signer.signed(key, body, headers)))
        for key, body, headers in batches_of(made)
    ]


def patients_for(rate: int) -> int:
    """How many patients make this many readings a second."""
    return max(rate * WINDOW_MS // 1000 // READINGS_A_BATCH, 1)


def make_load(
    patient_ids: Sequence[str],
    known: MappingIds,
    base_ms: int,
    seconds: int,
    encode: Encode = batches_of,
    *,
    at_once: bool = False,
) -> Load:
    """The windows of these patients that end within ``seconds``.

    ``base_ms``: the time of the readings when the load begins. ``at_once``: all patients' windows end together.
    """
    groups: dict[int, list[str]] = defaultdict(list)
    for number, patient_id in enumerate(patient_ids):
        steps = WINDOW_MS // _GRID_MS
        place = 0 if at_once else number * steps // len(patient_ids)
        groups[place * _GRID_MS].append(patient_id)
    shots, rows = [], []
    for cycle in range(0, seconds * 1000, WINDOW_MS):
        for shift, ids in sorted(groups.items()):
            due_ms = cycle + shift
            if due_ms >= seconds * 1000:
                break
            made = window(ids, base_ms + due_ms - WINDOW_MS, known)
            last_ms = base_ms + due_ms - INTERVAL_MS
            probes = [Row(known[patient_id, PROBED[0]], last_ms) for patient_id in ids]
            shots.append(Shot(due_ms, encode(made), probes))
            rows.append(made.rows)
    return Load(shots, joined(rows))


@dataclass
class Generator:
    """Publishes a load on schedule, from its own thread; never waits for a reader."""

    client: Producer
    topic: str
    load: Load
    late_ms: list[float] = field(default_factory=list)
    """How late each shot was when it was handed over."""
    problem: str = ""

    def start(self, begin: float) -> threading.Thread:
        """``begin``: by ``time.monotonic``."""
        thread = threading.Thread(target=self._run, args=(begin,), name="generator")
        thread.start()
        return thread

    def _run(self, begin: float) -> None:
        for shot in self.load.shots:
            due = begin + shot.due_ms / 1000
            while (wait := due - time.monotonic()) > 0:
                self.client.poll(min(wait, 0.01))
            for key, body, headers in shot.messages:
                self._produce(key, body, headers)
            self.client.poll(0)
            self.late_ms.append((time.monotonic() - due) * 1000)
        if self.client.flush(30):
            self.problem = "the broker did not acknowledge the load"

    def _produce(self, key: bytes, body: bytes, headers: Headers) -> None:
        while True:
            try:
                self.client.produce(self.topic, body, key, headers=headers)
            except BufferError:
                self.client.poll(0.01)
            else:
                return


def load_client(kafka: KafkaSettings) -> Producer:
    """A client that sends at once, to the same partitions as the product's producer."""
    return producer(
        kafka,
        {
            "linger.ms": 0,
            "enable.idempotence": True,
            "queue.buffering.max.messages": 1_000_000,
            "log_level": 2,
        },
    )
