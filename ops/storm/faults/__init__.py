"""All kinds of faults, by name."""

from ops.storm.faults import (
    database,
    files,
    messages,
    network,
    operators,
    outboxes,
    processes,
    rogue,
)
from ops.storm.faults.kind import Evidence, FaultKind

__all__ = ["KINDS", "Evidence", "FaultKind"]

KINDS = {
    kind.name: kind
    for part in (processes, network, database, files, messages, operators, outboxes, rogue)
    for kind in part.KINDS
}
