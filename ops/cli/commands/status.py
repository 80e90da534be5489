"""``vitals status`` and ``lag``: what is running, how far it has come, and whether it is healthy."""

from contextlib import closing

from common.errors import UnavailableError
from common.output import put_json, put_line
from ops.cli.frame import NOTHING_RUNS, Service, is_own, require_any
from ops.look.live_view import age_text, figures
from ops.look.parts import Parts
from ops.look.snapshot import Observer, Snapshot
from ops.look.verdict import PipelineHealth
from ops.stack.invocation import Invocation
from ops.stack.running import OWNER, running
from ops.tables import PlainTable, folding, put_table

_ABOVE = 1
_WRONG = 1
_NOT_RUNNING = 3


def status(invocation: Invocation, *, as_json: bool) -> int:
    """Prints the pipeline's state; returns the exit code: 0 healthy, 1 not, 3 nothing is running."""
    found = running(invocation.settings.home)
    is_elsewhere = invocation.has_addresses and not is_own(invocation, Service.BROKER)
    if is_elsewhere or not found:
        try:
            require_any(invocation)
        except UnavailableError as error:
            return _say_nothing_runs(error.message, as_json=as_json)
    targets = invocation.environment.get("METRICS_TARGETS", "")
    parts = Parts(None if is_elsewhere else invocation.settings.home, targets)
    with closing(Observer(invocation.kafka(), invocation.database())) as observer:
        health = observer.health(invocation.settings.output_dir, parts)
    # the processes of this home have nothing to do with another broker's pipeline
    listed = {} if is_elsewhere else found
    pids = {name: process.pid for name, process in listed.items() if name != OWNER}
    if not pids and not health.is_anything_there:
        return _say_nothing_runs(health.verdict, as_json=as_json)
    lags, totals = health.lags, health.totals
    snapshot = None if lags is None or totals is None else Snapshot(lags, totals)
    if as_json:
        seen = snapshot.as_dict() if snapshot else {}
        put_json({"running": True, "processes": pids, **seen, **health.as_dict()})
    else:
        _show(health, snapshot, pids)
    return _WRONG if health.problems else 0


def _say_nothing_runs(why: str, *, as_json: bool) -> int:
    if as_json:
        put_json({"running": False})
    else:
        put_line(why if why == NOTHING_RUNS else f"nothing is running: {why}")
    return _NOT_RUNNING


def _show(health: PipelineHealth, snapshot: Snapshot | None, pids: dict[str, int]) -> None:
    put_table(figures(snapshot))
    outbox = "not visible from here" if health.outbox_files is None else f"{health.outbox_files:,}"
    silent = {process.name for process in health.processes if not process.is_up}
    lines = {"newest reading": age_text(health.newest_reading), "outbox files": outbox}
    for name, pid in pids.items():
        state = "does not answer" if name in silent else "running"
        lines[name] = f"{state}, process {pid}"
    for name, text in lines.items():
        put_line(f"{name:16}  {text}")
    if health.lags is not None:
        put_table(table_of(health))
    put_line(health.verdict)


def lag(invocation: Invocation, *, most: int | None, as_json: bool) -> int:
    """Prints the lag; returns the exit code: 1 if the sum exceeds ``most``, else 0.

    Raises UnavailableError if the broker or the database does not answer.
    """
    with closing(Observer(invocation.kafka(), invocation.database())) as observer:
        health = observer.health(invocation.settings.output_dir)
    if health.lags is None:
        raise UnavailableError(
            f"cannot read the lag: {'; '.join(health.problems)}",
            hint="see what runs: `vitals status`",
        )
    _print_lag(health, as_json=as_json)
    return _ABOVE if most is not None and (health.lag_messages or 0) > most else 0


def _print_lag(health: PipelineHealth, *, as_json: bool) -> None:
    waited = health.age(health.oldest_waiting)
    if as_json:
        document = {
            "lag_messages": health.lag_messages,
            "oldest_waiting_seconds": waited,
            "partitions": [lag.as_dict() for lag in health.lags or ()],
        }
        put_json(document)
        return
    put_table(table_of(health))
    oldest = "" if waited is None else f", the oldest is {waited:.1f} s old"
    put_line(f"{health.lag_messages:,} messages are not committed{oldest}")


def table_of(health: PipelineHealth) -> PlainTable:
    """The partitions; ``committed`` is the ledger's, ``group`` what Kafka's own tools show."""
    table = folding("partition", "committed", "group", "end", "lag")
    for lag in health.lags or ():
        group = "-" if lag.group is None else f"{lag.group:,}"
        numbers = (f"{lag.committed:,}", group, f"{lag.end:,}", f"{lag.lag:,}")
        table.add_row(str(lag.partition), *numbers)
    return table
