"""``vitals lag``: how far the consumer has come, by partition."""

from contextlib import closing

from common.errors import UnavailableError
from common.output import put_json, put_line
from ops.look.snapshot import Observer
from ops.look.verdict import PipelineHealth
from ops.stack.invocation import Invocation
from ops.tables import PlainTable, folding, put_table

_ABOVE = 1


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
    _print(health, as_json=as_json)
    return _ABOVE if most is not None and (health.lag_messages or 0) > most else 0


def _print(health: PipelineHealth, *, as_json: bool) -> None:
    lags, waited = health.lags or (), health.age(health.oldest_waiting)
    if as_json:
        document = {
            "lag_messages": health.lag_messages,
            "oldest_waiting_seconds": waited,
            "partitions": [lag.as_dict() for lag in lags],
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
