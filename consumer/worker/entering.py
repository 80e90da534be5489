"""Accepted readings into ``registro``: what is late or refused is taken out of the range's outcome."""

import functools

import pyarrow as pa

from consumer.handover import WriterJob
from consumer.worker.origins import origins_of
from consumer.worker.outcome import RangeOutcome, sort_out
from consumer.worker.overtaken import find_overtaken, known_by_offset
from consumer.worker.refusals import with_changes, with_refusals
from db.connection import Connection
from db.write import registro, unmapped
from db.write.corrections import Overwriting


def enter(
    connection: Connection, rows: pa.Table, outcome: RangeOutcome, job: WriterJob
) -> tuple[pa.Table, RangeOutcome]:
    """Writes a range's readings to ``registro``; returns rows and outcome without what is not accepted."""
    partition, is_late = rows["partition"][0].as_py(), bool(known_by_offset(outcome.accepted))
    overwriting = Overwriting(job.topic, functools.partial(origins_of, job.trusted_folder))
    upsert = functools.partial(
        registro.upsert,
        connection,
        method=job.load_method,
        writer=partition,
        overwriting=overwriting,
    )
    cursor = connection.cursor()
    waiting = unmapped.lock_waiting(connection, outcome.accepted if is_late else outcome.mapped)
    if is_late:
        cursor.execute("SAVEPOINT entered")
    loaded = upsert(outcome.mapped)
    if is_late and (
        overtaken := find_overtaken(
            connection,
            outcome.accepted,
            waiting,
            job.trusted_folder,
            has_replaced=loaded.has_replaced,
        )
    ):
        cursor.execute("ROLLBACK TO SAVEPOINT entered")
        rows = with_changes(rows, overtaken)
        outcome = sort_out(rows, outcome.batches, job.topic)
        loaded = upsert(outcome.mapped)
    if loaded.refused:
        rows = with_refusals(rows, outcome.mapped, loaded.refused)
        outcome = sort_out(rows, outcome.batches, job.topic)
    unmapped.resolve_older(connection, waiting, outcome.mapped)
    return rows, outcome
