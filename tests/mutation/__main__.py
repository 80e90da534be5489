"""Breaks the code on purpose, one safeguard at a time: the proof must notice each (``make mutants``).

With an argument, only the mutants whose names contain it: ``python -m tests.mutation lock``.

Every mutant is a copy of the repository with one change, in which `vitals prove` must end with NOT
PROVED; the copy without a change must end with PROVED. About two minutes each, on real services.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_SEED = 3
_NAMED = 2
_LEDGER_ROWS = "    ledger.record_range(connection, job.topic, partition, outcome.offsets, outcome.counts, files)\n"


@dataclass(frozen=True)
class Change:
    """A text that must occur once, and its replacement."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A safeguard that is removed, and the faults that it protects from."""

    name: str
    faults: str
    changes: tuple[Change, ...]


MUTANTS = (
    Mutant(
        "a file gets its name before its content is written and synced",
        "full-raw-disk,crash-producer",
        (
            Change(
                "common/atomic.py",
                "            write(file)\n",
                "            _replace(temporary, path)\n            write(file)\n",
            ),
            Change(
                "common/atomic.py",
                "        reach(CrashPoint.FILE_SYNCED)\n        _replace(temporary, path)\n",
                "        reach(CrashPoint.FILE_SYNCED)\n",
            ),
        ),
    ),
    Mutant(
        "no lock on a partition's progress",
        "two-consumers",
        (
            Change("db/ledger.py", '{_NEXT_OFFSET} FOR UPDATE"', '{_NEXT_OFFSET}"'),
            Change("db/ledger.py", "{_NEXT_OFFSET} FOR UPDATE NOWAIT", "{_NEXT_OFFSET}"),
        ),
    ),
    Mutant(
        "no primary key on registro",
        "corrections",
        (Change("db/schema/migrations/0003_readings.sql", "PRIMARY KEY (", "KEY ("),),
    ),
    Mutant(
        "what the ledger has is processed again",
        "lost-commit-answer",
        (
            Change(
                "consumer/worker/partition_writer.py",
                'pc.greater_equal(rows["offset"], next_offset)',
                'pc.greater_equal(rows["offset"], 0)',
            ),
        ),
    ),
    Mutant(
        "nothing is written to the quarantine",
        "poison",
        (
            Change(
                "consumer/worker/partition_writer.py",
                "quarantine.insert(connection, outcome.rejected, job.load_method):",
                "():",
            ),
        ),
    ),
    Mutant(
        "the first row of an identity wins",
        "corrections",
        (
            Change(
                "db/write/registro.py",
                "order = order[has_parent[order]]\n",
                "order = order[has_parent[order]][::-1]\n",
            ),
        ),
    ),
    Mutant(
        "a failed delivery counts as done",
        "outage-broker",
        (
            Change(
                "producer/delivery/outbox.py",
                "if delivery.error is None or delivery.is_broken:",
                "if True:",
            ),
        ),
    ),
    Mutant(
        "a position is committed before Kafka has acknowledged its window",
        "lost-outbox",
        (
            Change(
                "producer/live/positions.py",
                "            progress.unacknowledged.add(window)\n",
                "",
            ),
        ),
    ),
    Mutant(
        "nobody adopts the files of a producer that is gone",
        "replaced-producer",
        (
            Change(
                "producer/delivery/outbox.py",
                "            self._archive.adopt_orphans()\n",
                "            pass\n",
            ),
        ),
    ),
    Mutant(
        "trusted files say another hour",
        "poison",
        (
            Change(
                "schemas/files/trusted.py",
                'rows["event_ms"].cast(MOMENT)',
                'pc.add(rows["event_ms"], 3_600_000).cast(MOMENT)',
            ),
        ),
    ),
    Mutant(
        "no removal of uncommitted files",
        "kill-worker,stop-worker,kill-sessions,crash-consumer",
        (
            Change(
                "consumer/worker/partition_writer.py",
                "        path.unlink(missing_ok=True)\n        _log",
                "        _log",
            ),
        ),
    ),
    Mutant(
        "the ledger is committed apart, before the rows",
        "two-consumers,lost-commit-answer,crash-consumer",
        (
            # after the rows, it would matter only to two writers in the same few milliseconds
            Change(
                "consumer/worker/partition_writer.py",
                _LEDGER_ROWS,
                "",
            ),
            Change(
                "consumer/worker/partition_writer.py",
                "    reach(CrashPoint.RANGE_TRUSTED)\n",
                f"{_LEDGER_ROWS}    connection.commit()\n",
            ),
        ),
    ),
    Mutant(
        "the MAC is not checked",
        "forged-batch",
        (
            Change(
                "consumer/worker/authentic.py",
                "        return None if hmac.compare_digest(",
                "        return None if True or hmac.compare_digest(",
            ),
        ),
    ),
    Mutant(
        "a batch that was processed before is processed again",
        "repeated-batches",
        (
            Change(
                "consumer/worker/partition_writer.py",
                "            del batches[batch_id]\n",
                "            pass\n",
            ),
            Change("db/batches.py", '"INSERT INTO lote (', '"INSERT IGNORE INTO lote ('),
        ),
    ),
)


def main() -> int:
    """Returns 0 if every mutant is noticed and the unchanged code is proved."""
    every_fault = ",".join(mutant.faults for mutant in MUTANTS)
    trials = [Mutant("nothing is changed", every_fault, ()), *MUTANTS]
    if len(sys.argv) > 1:
        trials = [trial for trial in trials if sys.argv[1] in trial.name]
    failures = 0
    for mutant in trials:
        print(f"{mutant.name} ({mutant.faults})", flush=True)
        proof = proof_of(mutant)
        is_right = proof["proved"] is (not mutant.changes)
        failures += not is_right
        word = "PROVED" if proof["proved"] else "NOT PROVED"
        print(f"    {word}{'' if is_right else ': WRONG'}, {proof['faults_fired']} faults")
        for finding in proof["findings"][:_NAMED]:
            print(f"    {finding[:200]}", flush=True)
    print(f"{len(trials) - failures} of {len(trials)} as expected")
    return 1 if failures else 0


def proof_of(mutant: Mutant) -> dict:
    """Runs the proof in a copy of the repository with the mutant's changes."""
    with tempfile.TemporaryDirectory(prefix="vitals-mutant-") as folder:
        copy = Path(folder) / "repository"
        copy_repository(copy)
        for change in mutant.changes:
            apply(change, copy)
        command = [sys.executable, "-m", "ops", "prove", "--json", "--minutes", "1"]
        done = subprocess.run(
            [*command, "--seed", str(_SEED), "--faults", mutant.faults],
            cwd=copy,
            env={
                **os.environ,
                "VITALS_HOME": str(Path(folder) / "home"),
                "VITALS_CACHE": str(REPOSITORY / ".vitals" / "cache"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
    if not done.stdout:
        raise SystemExit(f"the proof did not end with a verdict:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout)


def copy_repository(target: Path) -> None:
    """What is under version control, as it is now."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target / name)


def apply(change: Change, copy: Path) -> None:
    """Makes the change. Raises ValueError if the code has changed and it no longer fits."""
    path = copy / change.file
    text = path.read_text(encoding="utf-8")
    if text.count(change.old) != 1:
        raise ValueError(f"{change.old!r} does not occur exactly once in {change.file}")
    path.write_text(text.replace(change.old, change.new), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
