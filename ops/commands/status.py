"""``vitals status``: what runs and how far it is."""

import json

from rich.console import Console

from ops.invocation import Invocation
from ops.live_view import figures
from ops.snapshot import Observer
from ops.stack.exports import embedded_addresses
from ops.stack.running import OWNER, running

_NOT_RUNNING = 3


def status(invocation: Invocation, *, as_json: bool) -> int:
    """Prints one look at the pipeline; returns the exit code: 0 it runs, 3 it does not.

    Raises:
        UnavailableError: processes run but do not answer.
    """
    found = running(invocation.settings.home)
    server, own = (
        addresses.get("KAFKA_BOOTSTRAP_SERVERS")
        for addresses in (invocation.environment, embedded_addresses(invocation.settings.home))
    )
    is_elsewhere = server not in (None, own)
    if not found and not is_elsewhere:
        print('{"running": false}' if as_json else "nothing is running: start it with `vitals up`")  # noqa: T201 - the command's output
        return _NOT_RUNNING
    observer = Observer(invocation.kafka(), invocation.database())
    try:
        snapshot = observer.look()
    finally:
        observer.close()
    # the processes of this home have nothing to do with another broker's pipeline
    listed = {} if is_elsewhere else found
    pids = {name: process.pid for name, process in listed.items() if name != OWNER}
    if as_json:
        print(json.dumps({"running": True, "processes": pids, **snapshot.as_dict()}))  # noqa: T201 - the command's output
        return 0
    console = Console()
    console.print(figures(snapshot))
    for name, pid in pids.items():
        console.print(f"{name:16}  running, process {pid}", highlight=False)
    return 0
