"""Nobody without its secret reads what the consumer's Spark holds, and the secret of nobody is in there."""

import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from ops.stack.descendants import descendants
from tests.security.block_manager import broadcasts
from tests.services.killing import kill_group
from tests.services.pipeline import REPOSITORY
from tests.services.simulated import simulated

_LISTENING = "0A"
_BROADCASTS = range(8)
_OPEN = """
import sys
from consumer.driver import session
session._AUTHENTICATED = {"spark.authenticate": "false"}
from consumer.__main__ import main
sys.exit(main())
"""


def test_a_client_without_the_secret_reads_no_block(pipeline):
    with _consumer(pipeline, "-m", "consumer") as process:
        pipeline.publish(*simulated(1))
        pipeline.wait_for_messages(10)
        assert _blocks(process, pipeline) == []


def test_without_authentication_it_reads_the_tasks_but_no_password(pipeline):
    with _consumer(pipeline, "-c", _OPEN) as process:
        # one micro-batch: of several, the first ones are collected before the last has ended
        pipeline.publish(*simulated(1, patients=1))
        pipeline.wait_for_messages(1)
        found = b"".join(_blocks(process, pipeline))
    assert b"WriterJob" in found
    assert pipeline.output.name.encode() in found
    password = pipeline.database.db_password.get_secret_value()
    assert password.encode() not in found


@contextmanager
def _consumer(pipeline, *command):
    pipeline.output.mkdir(parents=True, exist_ok=True)
    with (pipeline.output / "consumer.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            env=pipeline.environment,
            cwd=REPOSITORY,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill_group(process)


def _blocks(process, pipeline):
    """What a client reads at any port that the consumer's JVM listens on."""
    [java] = [found.pid for found in descendants(process.pid) if found.name == "java"]
    ports = _ports_of(java)
    assert ports, pipeline.log()
    return [block for port in ports for block in broadcasts(port, "any", _BROADCASTS)]


def _ports_of(pid):
    """The TCP ports on which a process listens."""
    inodes = set()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            inodes.add(str(handle.readlink()).removeprefix("socket:[").removesuffix("]"))
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    ]
    return {
        int(row[1].rpartition(":")[2], 16)
        for row in rows
        if row[3] == _LISTENING and row[9] in inodes
    }
