"""``vitals replay``: publishes real readings from a file, or republishes archived batches."""

from collections.abc import Sequence
from pathlib import Path

from common.errors import BadInputError
from common.output import put_line
from db.batches import taken_batches
from db.connection import connect
from ops.stack.invocation import Invocation
from producer.delivery.republish import all_batches, republish
from producer.replay import ReplayPlan, preview_file, replay_file
from producer.replay.preview import outcomes, summary
from schemas.files.raw import BROKEN, PENDING, batches_in


def replay(invocation: Invocation, plan: ReplayPlan, *, is_registering: bool) -> int:
    """Replays a file of real readings; ``is_registering``: adds its patients and mappings first.

    Returns how many rows were unreadable. Safe to repeat: see docs/decisions/0008.
    """
    database = invocation.database() if is_registering else None
    report = replay_file(plan, invocation.kafka(), invocation.raw, database)
    put_line(str(report))
    return report.unreadable


def preview(invocation: Invocation, plan: ReplayPlan) -> int:
    """Prints what a replay would do; returns how many rows are unreadable. Changes nothing."""
    line, unreadable = preview_file(plan, invocation.raw)
    put_line(str(line))
    return unreadable


def is_archive(path: Path) -> bool:
    """Whether this is a file or folder of the raw archive, not a file of readings."""
    return path.is_dir() or path.suffix == ".jsonl"


def replay_archive(invocation: Invocation, path: Path, *, is_dry_run: bool) -> None:
    """Publishes archived batches again under their own ids.

    A batch that was processed before has no effect, so it is safe to repeat. A dry run counts them
    and changes nothing. Raises BadInputError for files of another kind, and the database's errors.
    """
    files = archive_files(path)
    batches, readings, untaken = _count(invocation, files)
    put_line(
        f"{len(files)} files: {batches} batches, {readings} readings;"
        f" {untaken} batches are not processed yet"
    )
    if is_dry_run:
        as_made = ((batch, batch.produced_at) for batch in batches_in(files))
        put_line(f"they would be {summary(outcomes(as_made))}")
    else:
        put_line(str(republish(all_batches(files), invocation.kafka())))


def archive_files(path: Path) -> list[Path]:
    """The archive files at ``path``, oldest first, without the outbox: its producer publishes that.

    Raises BadInputError if there are none.
    """
    found = [path] if path.is_file() else sorted(path.rglob("*.jsonl"), key=lambda file: file.name)
    files = [file for file in found if path.is_file() or file.parent.name not in (PENDING, BROKEN)]
    if not files:
        raise BadInputError(
            f"there is no archive file in {path}", hint="give output/raw, or a file or folder in it"
        )
    return files


def _count(invocation: Invocation, files: Sequence[Path]) -> tuple[int, int, int]:
    """Batches, readings, and batches that are not processed yet."""
    sizes = {batch.batch_id: batch.reading_count for batch in batches_in(files)}
    ids = list(sizes)
    with connect(invocation.database()) as connection:
        taken = taken_batches(connection, ids)
    return len(ids), sum(sizes.values()), len(ids) - len(taken)
