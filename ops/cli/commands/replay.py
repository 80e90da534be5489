"""``vitals replay``: hands real readings, or archived batches, to the producer."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.errors import BadInputError
from db.connection import connect
from db.ledger import taken_batches
from ops.stack.invocation import Invocation
from schemas.files.raw import batches_in

_NOT_AGAIN = ("pending", "broken")


def replay(invocation: Invocation, file: Path, options: Sequence[str]) -> int:
    """Runs ``python -m producer replay`` against the stack; returns its exit code.

    Safe to repeat: see docs/decisions/0008.
    """
    return run_producer(invocation, "replay", str(file), *options)


def is_archive(path: Path) -> bool:
    """Whether this is a file of the raw archive, or a folder of them, and no file of readings."""
    return path.is_dir() or path.suffix == ".jsonl"


def replay_archive(invocation: Invocation, path: Path, *, is_dry_run: bool) -> int:
    """Publishes archived batches again under their own ids; returns the exit code.

    Those that are taken already have no effect, so it is safe to repeat. A dry run counts them and
    changes nothing. Raises BadInputError for files that are none, and as the database does.
    """
    files = archive_files(path)
    batches, readings, untaken = _count(invocation, files)
    print(  # noqa: T201 - the command's output
        f"{len(files)} files: {batches} batches, {readings} readings;"
        f" {untaken} batches are not taken yet"
    )
    if is_dry_run or not files:
        return 0
    return run_producer(invocation, "republish", *map(str, files))


def archive_files(path: Path) -> list[Path]:
    """The archive files that ``path`` means, oldest first; the outbox is its producer's business.

    Raises BadInputError where there is none.
    """
    found = [path] if path.is_file() else sorted(path.rglob("*.jsonl"), key=lambda each: each.name)
    files = [each for each in found if path.is_file() or each.parent.name not in _NOT_AGAIN]
    if not files:
        raise BadInputError(
            f"there is no archive file in {path}", hint="give output/raw, or a file or folder in it"
        )
    return files


def run_producer(invocation: Invocation, *arguments: str, is_aside: bool = False) -> int:
    """Runs ``python -m producer`` against the stack; returns its exit code.

    ``is_aside``: what it prints is no output of the command.
    """
    command = [sys.executable, "-m", "producer", *arguments]
    environment = {**invocation.environment, **_addresses(invocation)}
    output = sys.stderr if is_aside else None
    return subprocess.run(command, env=environment, stdout=output, check=False).returncode


def _addresses(invocation: Invocation) -> Mapping[str, str]:
    kafka, database = invocation.kafka(), invocation.database()
    return {
        **{name.upper(): value for name, value in kafka.model_dump().items()},
        **{name.upper(): str(value) for name, value in database.model_dump().items()},
        "DB_PASSWORD": database.db_password.get_secret_value(),
        "OUTPUT_DIR": str(invocation.settings.output_dir.resolve()),
        "LOG_FORMAT": "console",
    }


def _count(invocation: Invocation, files: Sequence[Path]) -> tuple[int, int, int]:
    """Batches, readings, and batches that no range of the database has taken."""
    sizes = {each.batch_id: each.reading_count for each in batches_in(files)}
    ids = list(sizes)
    with connect(invocation.database()) as connection:
        taken = taken_batches(connection, ids)
    return len(ids), sum(sizes.values()), len(ids) - len(taken)
