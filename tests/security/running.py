"""An embedded stack that runs in a folder which other users of the machine can enter."""

import tempfile
from contextlib import contextmanager
from pathlib import Path

from tests.embedded_stack import embedded_stack


@contextmanager
def running_stack(cache, **environment):
    """Runs `vitals up` until the first rows are committed, and for the block.

    Java and Python have their temporary files in the stack's folder ``tmp``.
    """
    with tempfile.TemporaryDirectory(prefix="vitals-security-", dir="/tmp") as name:
        folder = Path(name)
        temporary = folder / "tmp"
        temporary.mkdir()
        folder.chmod(0o755)
        temporary.chmod(0o1777)
        stack = embedded_stack(
            folder,
            cache,
            TMPDIR=str(temporary),
            JAVA_TOOL_OPTIONS=f"-Djava.io.tmpdir={temporary}",
            **environment,
        )
        with stack.running("--patients", 5, umask=0o022) as up:
            stack.wait_for_rows(up)
            yield stack
