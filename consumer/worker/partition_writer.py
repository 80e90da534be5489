"""Writes what one Spark task holds: one topic partition's range, mostly in one transaction.

Guarantee: when ``write_partition`` ends, the range is in the trusted files and in the database once,
no matter who else tried and how often. Order in each transaction: lock the partition's progress, drop
what is committed, trusted files, ``registro``, ``quarentena``, dead letters, ledger and progress,
COMMIT. A row that the database refuses costs only that row: it is found by halving, goes to
``quarentena``, and the trusted files are written again without it. A kill at any point leaves either
nothing or everything in the database; trusted files that no ledger row names are removed by the next
commit of the partition by any writer (see ``schemas.files.attempts``).
"""

import functools
import time
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from common.arrays import Ints
from common.crash_points import CrashPoint, reach
from common.errors import VitalsError
from common.times import DAY_MS
from consumer.database_retry import retried, take_retries
from consumer.handover import MappingState, RangeSummary, WriterJob
from consumer.worker import connection as worker_connection
from consumer.worker import dead_letters
from consumer.worker.conflicts import origins_of, without_conflicts
from consumer.worker.entering import enter
from consumer.worker.inbound import acknowledge
from consumer.worker.mapping import find_mappings
from consumer.worker.outcome import RangeOutcome, batch_offsets, kept, offset_range, sort_out
from consumer.worker.overtaken import known_by_offset
from consumer.worker.progress_lock import lock_next_offset
from consumer.worker.readings import Cleaned, cleaned
from consumer.worker.refusals import with_refusals
from db import ledger
from db.batches import record_batches, taken_contents
from db.connection import Connection
from db.write import quarantine
from schemas.files.attempts import Attempt, begin_attempt, take_over
from schemas.files.folder_identity import require_identity
from schemas.files.trusted import uncommitted_files, write_trusted

_READINGS_A_TRANSACTION = 250_000
"""If more are waiting, in long messages or in many, the range is committed in parts: no setting and
no producer can exceed this bound on memory."""

_BYTES_A_TRANSACTION = 8_000_000
"""The same for the keys, bodies and headers of refused messages."""
_READ_BYTES_A_TRANSACTION = 64_000_000
"""The same for those of all others, which are held in case that their batch id is taken already."""
_DATES_A_TRANSACTION = 400
"""The same for dates of readings: each costs a file, and two fsyncs."""

_log = structlog.get_logger()


def write_partition(
    job: WriterJob, mappings: MappingState, messages: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """The function for ``mapInArrow``: cleans and commits its partition, one summary per transaction.

    Transient database errors are retried for as long as it takes: the batch is held meanwhile.
    Raises what is not transient, with nothing of that transaction committed.
    """
    acknowledge()
    # not a loop: its variable would hold one transaction's rows while those of the next are gathered
    found = cleaned(messages, functools.partial(find_mappings, mappings), job.trust)
    committed = dict(job.committed)
    return map(functools.partial(_committed, job, committed), _transactions(found))


def _transactions(found: Iterable[Cleaned]) -> Iterator[Cleaned]:
    """All rows of whole messages in the topic's order, as many as one transaction holds."""
    held: list[Cleaned] = []
    for part in found:
        held.append(part)
        if _is_enough(held):
            yield _together(held)
            held = []
    if held:
        yield _together(held)


def _together(held: list[Cleaned]) -> Cleaned:
    return Cleaned(
        pa.concat_tables([part.rows for part in held]),
        pa.concat_tables([part.read for part in held]),
    )


def _is_enough(held: list[Cleaned]) -> bool:
    if sum(len(part.rows) for part in held) >= _READINGS_A_TRANSACTION:
        return True
    carried = sum(part.rows[name].nbytes for part in held for name in ("key", "body", "headers"))
    if carried >= _BYTES_A_TRANSACTION or _most_dates(held) >= _DATES_A_TRANSACTION:
        return True
    read_bytes: int = sum(part.read.nbytes for part in held)
    return read_bytes >= _READ_BYTES_A_TRANSACTION


def _most_dates(held: list[Cleaned]) -> int:
    """At least the number of dates that these rows name."""
    extremes = [pc.min_max(part.rows["event_ms"]).as_py() for part in held]
    moments = [moment for found in extremes for moment in found.values() if moment is not None]
    days = (max(moments) - min(moments)) // DAY_MS + 1 if moments else 0
    if days < _DATES_A_TRANSACTION:
        return days
    return len(np.unique(np.concatenate([_days(part.rows) for part in held])))


def _days(rows: pa.Table) -> Ints:
    days: Ints = rows["event_ms"].drop_null().to_numpy() // DAY_MS
    return days


def _committed(job: WriterJob, committed: dict[int, int], found: Cleaned) -> pa.RecordBatch:
    rows = found.rows.unify_dictionaries()
    started = time.monotonic()
    outcome = _commit(rows, found.read, job, committed)
    duration_ms = round((time.monotonic() - started) * 1000)
    summary = _summary(rows, outcome, duration_ms)
    committed[summary.partition] = summary.until
    return summary.to_arrow()


@retried
def _commit(
    rows: pa.Table, read: pa.Table, job: WriterJob, committed: Mapping[int, int]
) -> RangeOutcome | None:
    """Commits what is not committed yet; None if all of it was. ``read``: see `Cleaned`."""
    partition = rows["partition"][0].as_py()
    require_identity(job.trusted_folder, job.trusted_identity)
    with worker_connection.use(job.database) as connection:
        next_offset = lock_next_offset(connection, job.topic, partition)
        _require_commits(partition, next_offset, committed.get(partition, 0))
        reach(CrashPoint.RANGE_LOCKED)
        rows = kept(rows, pc.greater_equal(rows["offset"], next_offset))
        _remove_uncommitted(connection, job, partition, next_offset)
        if len(rows) == 0:
            connection.rollback()
            return None
        read = kept(read, pc.greater_equal(read["offset"], next_offset))
        taken = taken_contents(connection, read["batch_id"].to_pylist())
        rows = without_conflicts(rows, read, taken)
        batches = batch_offsets(rows)
        for batch_id in batches.keys() & taken.keys():
            del batches[batch_id]
        known, origins = known_by_offset(rows), origins_of(read)
        record_batches(connection, job.topic, partition, batches, known, origins)
        with begin_attempt(job.trusted_folder, job.topic, partition) as attempt:
            outcome = _write(connection, rows, batches, job, attempt)
            connection.commit()
            reach(CrashPoint.RANGE_COMMITTED)
    return outcome


def _require_commits(partition: int, next_offset: int, committed: int) -> None:
    if next_offset < committed:
        raise VitalsError(
            f"the database has lost commits: partition {partition} continues at offset"
            f" {next_offset}, and {committed} was committed before",
            hint="it may have failed over to a replica without them; the next start reads them again",
        )


def _write(
    connection: Connection,
    rows: pa.Table,
    batches: dict[str, int],
    job: WriterJob,
    attempt: Attempt,
) -> RangeOutcome:
    """Writes everything of a range; ``batches``: those that no earlier range has processed.

    The outcome and the files are those without the rows that the database refused.
    """
    partition, known = attempt.partition, known_by_offset(rows)
    outcome = foreseen = sort_out(rows, batches, job.topic)
    files = _trusted_files(attempt, foreseen, job)
    reach(CrashPoint.RANGE_TRUSTED)
    rows, outcome = enter(connection, rows, outcome, job)
    reach(CrashPoint.RANGE_REGISTRO)
    if refused := quarantine.insert(connection, outcome.rejected, job.load_method):
        rows = with_refusals(rows, outcome.rejected, refused)
        outcome = sort_out(rows, batches, job.topic)
    if known:
        quarantine.decide_as_before(connection, job.topic, partition, outcome.offsets)
    reach(CrashPoint.RANGE_QUARANTINE)
    if len(outcome.accepted) < len(foreseen.accepted):
        files = _trusted_files_again(attempt, outcome, job, files)
    dead_letters.copy_refused(outcome.rejected, job.kafka)
    ledger.record_range(connection, job.topic, partition, outcome.offsets, outcome.counts, files)
    reach(CrashPoint.RANGE_LEDGER)
    return outcome


def _trusted_files(attempt: Attempt, outcome: RangeOutcome, job: WriterJob) -> list[str]:
    return write_trusted(
        attempt, outcome.accepted, offsets=outcome.offsets, form=job.trusted_format
    )


def _trusted_files_again(
    attempt: Attempt, outcome: RangeOutcome, job: WriterJob, before: list[str]
) -> list[str]:
    files = _trusted_files(attempt, outcome, job)
    # of a date that only had readings that the database refused
    for name in set(before) - set(files):
        (job.trusted_folder / name).unlink(missing_ok=True)
    return files


def _remove_uncommitted(
    connection: Connection, job: WriterJob, partition: int, next_offset: int
) -> None:
    """Removes trusted files of attempts that never committed. The progress lock is held."""
    left = take_over(job.trusted_folder, job.topic, partition)
    if not (worker_connection.begin_commits(partition) or left):
        return
    for path in uncommitted_files(
        job.trusted_folder,
        topic=job.topic,
        partition=partition,
        next_offset=next_offset,
        committed=lambda: ledger.committed_files(connection, job.topic, partition, next_offset),
    ):
        path.unlink(missing_ok=True)
        _log.info("uncommitted_file_removed", file=path.name)
    for attempt in left:
        attempt.end()


def _summary(rows: pa.Table, outcome: RangeOutcome | None, duration_ms: int) -> RangeSummary:
    offsets = outcome.offsets if outcome else offset_range(rows)
    return RangeSummary(
        partition=rows["partition"][0].as_py(),
        first=offsets.start,
        until=offsets.stop,
        is_new=outcome is not None,
        counts=outcome.counts if outcome else ledger.NOTHING,
        write_ms=duration_ms,
        newest_ms=pc.max(outcome.accepted["event_ms"]).as_py() if outcome else None,
        retries=take_retries(),
    )
