"""The thread that reads ledger, broker and metrics, judges patients, records gaps and fills the board."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from common.broker.reader import TopicReader
from common.errors import ConfigurationError, UnavailableError, VitalsError
from common.settings import KafkaSettings
from common.times import unix_ms
from db.connection import KeptConnection
from db.faults import FaultKind, kind_of
from db.read.status import LedgerReader
from ops.look.certificates import ends_seen
from ops.look.processes import Processes
from ops.monitor.alarms import AlarmBoard
from ops.monitor.board import Board, quarantine_as_dict
from ops.monitor.cadence import GapBook, judge
from ops.monitor.conditions import patient_conditions
from ops.monitor.feed import Feed
from ops.monitor.gaps import GapKeeper
from ops.monitor.pipeline import PipelineView
from ops.monitor.repeated import RepeatedWindows
from ops.stack.running import Part

_LOOK_EVERY_S = 0.5
_PATIENTS_EVERY_S = 5.0
_PROCESSES_EVERY_S = 1.0
# each time it rereads the last minute's ledger
_TOTALS_EVERY_S = 2.0
_CERTIFICATES_EVERY_S = 600.0
_SWEEP_EVERY_S = 1.0
_SWEEP_AGAIN_S = 20.0
_BROKER_S = 2.0
_log = structlog.get_logger()


class Poller:
    """Owns the ward; every other thread reads the board."""

    def __init__(
        self,
        board: Board,
        source: Feed,
        kafka: KafkaSettings,
        processes: Processes,
        repeated: RepeatedWindows,
        reader: KeptConnection,
        writer: KeptConnection,
        parts: Callable[[], Mapping[str, Part]],
    ) -> None:
        """``reader`` queries, ``writer`` records gaps; ``parts``: what `vitals up` recorded."""
        self._board, self._feed, self._kafka = board, source, kafka
        self._broker = TopicReader(kafka, timeout_s=_BROKER_S)
        self._processes, self._repeated = processes, repeated
        self._reader, self._writer, self._parts = reader, writer, parts
        self._ledger = LedgerReader(source.topic)
        self._view = PipelineView()
        self._alarms = AlarmBoard()
        self._gaps: GapKeeper | None = None
        self._next_at: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)

    def start(self) -> None:
        """Starts polling."""
        self._repeated.start()
        self._thread.start()

    def stop(self) -> None:
        """Stops after the current round."""
        self._stop.set()
        self._thread.join(10)
        self._repeated.stop()
        self._broker.close()
        self._processes.close()
        self._reader.close()
        self._writer.close()

    @property
    def is_alive(self) -> bool:
        """Whether it still polls."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            try:
                self._look()
            except Exception:  # noqa: BLE001 - a page that silently stops is worse
                _log.exception("look_failed")
                self._view.errors.note("monitor", "a look failed: see the monitor's log")

    def _look(self) -> None:
        now_ms = unix_ms()
        if self._take_turn("processes", _PROCESSES_EVERY_S):
            parts = self._parts()
            self._view.failures = {name: part.failures for name, part in parts.items()}
            self._view.note_processes(self._processes.look(), parts)
        is_outbox_empty = self._view.is_outbox_empty
        # the broker first: a message that is committed a moment later is not lag
        ends = self._guarded("broker", self._ends)
        has_database = self._guarded("database", self._read_database) is not None
        self._view.has_database = has_database
        if not has_database:
            self._reader.close()
        self._view.offsets.note_ends(ends, is_outbox_empty=is_outbox_empty)
        self._judge(now_ms)

    def _take_turn(self, what: str, every_s: float) -> bool:
        """True if this is due again; the next turn comes after ``every_s``."""
        now = time.monotonic()
        if now < self._next_at.get(what, 0.0):
            return False
        self._next_at[what] = now + every_s
        return True

    def _guarded(self, where: str, look: Callable[[], Any]) -> Any:
        try:
            return look()
        except VitalsError as error:
            self._view.errors.note(where, error.message)
            return None
        except Exception as error:
            if kind_of(error) is FaultKind.DATA:
                raise
            self._view.errors.note(where, str(error))
            return None

    def _ends(self) -> dict[int, int]:
        """The end of each partition: the offset of the next message."""
        try:
            spans = self._broker.spans(self._kafka.kafka_topic)
        except ConfigurationError:
            # a missing topic has no partitions
            return {}
        return {partition: span.until for partition, span in spans.items()}

    def _read_database(self) -> bool:
        connection, view = self._reader.get(), self._view
        if self._gaps is None:
            self._feed.begin(connection)
        elif self._take_turn("patients", _PATIENTS_EVERY_S):
            self._feed.refresh_patients(connection)
        ranges = self._feed.read(connection)
        ward = self._feed.ward
        view.note_ranges(ranges, int(ward.last_ms[: len(ward)].max(initial=-1)))
        if self._gaps is not None:
            # before anything that may raise: these ranges are read once
            self._repeated.look_into(ranges)
        if self._take_turn("totals", _TOTALS_EVERY_S):
            view.totals = self._ledger.read(connection)
        if self._take_turn("certificates", _CERTIFICATES_EVERY_S):
            view.certificates = ends_seen(self._kafka, connection)
        view.stuck = self._feed.stuck()
        view.offsets.note_committed(self._feed.committed)
        if self._gaps is None:
            self._feed.remember_older(connection)
            now_ms = unix_ms()
            book = GapBook(ward, ward.rhythm.due_window(now_ms))
            self._gaps = GapKeeper(book, self._reader, self._writer)
        view.sent_twice.note(self._repeated.take(), view.now_ms)
        connection.rollback()
        return True

    def _judge(self, now_ms: int) -> None:
        board, ward, view = self._board, self._feed.ward, self._view
        horizon_ms = min(now_ms, view.offsets.settled_ms)
        unknown_since_ms = view.unknown_since_ms(ward.rhythm.window_ms)
        with board.lock:
            judged = judge(ward, horizon_ms)
            board.show(judged, now_ms, unknown_since_ms=unknown_since_ms)
        conditions = [*view.conditions(), *patient_conditions(ward, judged)]
        has_changed = self._alarms.update(conditions, now_ms)
        # the list first: a stream that sees a new version sends the list that it finds
        board.alarms = self._alarms.as_list()
        if has_changed:
            board.alarms_version += 1
        view.history.add(now_ms, is_known=view.has_database)
        listed = [condition.as_dict() for condition in conditions]
        board.pipeline = {**view.as_dict(), "conditions": listed}
        board.quarantine = quarantine_as_dict(now_ms, view.totals.reasons, self._feed.samples)
        board.is_ready = self._gaps is not None
        if self._gaps is not None and view.has_database:
            self._keep_gaps(self._gaps, horizon_ms)

    def _keep_gaps(self, gaps: GapKeeper, horizon_ms: int) -> None:
        try:
            gaps.settle(horizon_ms)
            if self._take_turn("sweep", _SWEEP_EVERY_S) and gaps.sweep():
                self._next_at["sweep"] = time.monotonic() + _SWEEP_AGAIN_S
        except VitalsError as error:
            self._view.errors.note("cadence", error.message)
            if isinstance(error, UnavailableError):
                self._writer.close()
