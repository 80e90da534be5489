"""Seconds from the start of the consumer's process to its last row, and the memory it takes."""

from dataclasses import dataclass, field

from benchmarks.bench import Bench
from benchmarks.database import Expected
from benchmarks.readings import windows
from benchmarks.settings import PARTITIONS
from benchmarks.sides.ours import Ours
from benchmarks.timed_run import SideRun, run_side
from benchmarks.topics import publish_backlog
from common.demo_patients import demo_patient_ids
from ops.stack.class_archive import SETTING

_PATIENTS = 100
_TOPIC = "bench-cold"
_TIMEOUT_S = 60.0
_RUN_S = 12.0


@dataclass
class ColdStart:
    """``first``: Spark's classes were never prepared here; ``second``: like every later start."""

    first: list[SideRun] = field(default_factory=list)
    second: list[SideRun] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def run(bench: Bench) -> ColdStart:
    """A small backlog is waiting when the consumer starts; both kinds take turns."""
    result, stack = ColdStart(), bench.stack
    known = bench.patients(bench.sizes.patients)
    made = windows(demo_patient_ids(_PATIENTS), bench.start_ms, 1, known)
    backlog = publish_backlog(stack.kafka, _TOPIC, PARTITIONS, made)
    without = {SETTING: str(stack.folder / "no-class-archive")}
    for _ in range(3 if bench.sizes.rounds > 3 else 1):  # noqa: PLR2004 - the quick rounds
        for kind, environment in ((result.first, without), (result.second, {})):
            name = "again" if environment == {} else "the first time"
            if not bench.has_time(_RUN_S):
                result.left_out.append(f"{name}: no time left")
                continue
            bench.tell(f"cold start, {name}")
            side = Ours(stack, _TOPIC, environment, name=f"cold-{len(kind)}-{len(environment)}")
            kind.append(run_side(stack, side, Expected(backlog.rows), _TIMEOUT_S))
    return result
