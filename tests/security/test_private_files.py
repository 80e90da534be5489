"""Nothing that a running stack has on disk, in memory or as a socket is open to another user."""

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from ops.stack.descendants import descendants
from tests.security.running import running_stack
from tests.security.stranger import as_stranger

_MEMORY = Path("/dev/shm")
# certificates, without their keys: whoever connects is shown them
_PUBLIC = {"ca.pem", "db_server.pem"}
_WITHOUT_UMASK = "import os\nos.umask(0o022)\nos.umask = lambda mask: 0o022\n"


@pytest.fixture(scope="module")
def stack(jars, class_archive):
    with running_stack(jars.parent) as stack:
        yield stack


def test_another_user_opens_nothing_of_a_running_stack(stack):
    assert _openings(stack) == []


def test_no_file_of_a_running_stack_is_open_to_others(stack):
    """Each by itself: a backup, or a parent folder that somebody opens, gives nothing away."""
    found = [
        str(path)
        for folder in _roots(stack)
        for path in (folder, *folder.rglob("*"))
        if _is_open(path) and path.name not in _PUBLIC
    ]
    assert found == []


def test_no_secret_is_on_a_command_line_or_in_an_environment(stack):
    """The list of processes is public, and core dumps and crash reports hold environments."""
    secrets = {
        path.read_bytes().strip() for path in (stack.home / "secrets").glob("*_password")
    } | {(stack.home / "secrets" / "ca.key").read_bytes()}
    assert len(secrets) > 5
    found = []
    for pid in processes_of(stack):
        for kind in ("cmdline", "environ"):
            with suppress(OSError):
                text = Path(f"/proc/{pid}/{kind}").read_bytes()
                found += [(pid, kind) for secret in secrets if secret in text]
    assert found == []


def test_a_producer_is_told_nothing_of_the_database(stack):
    environment = Path(f"/proc/{stack.pids['producer-1']}/environ").read_bytes()
    assert b"KAFKA_SASL_PASSWORD_FILE=" in environment
    assert b"DB_" not in environment


def test_both_see_it_where_the_umask_is_as_usual(jars, class_archive, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(_WITHOUT_UMASK)
    with running_stack(jars.parent, PYTHONPATH=str(tmp_path)) as stack:
        openings = _openings(stack)
        # Spark's blocks, which hold readings and the job
        assert any("blockmgr-" in path for path in openings), openings
        assert any(_is_open(path) for path in stack.home.rglob("*.log"))


def processes_of(stack):
    pids = list(stack.pids.values())
    return {*pids, *(child.pid for pid in pids for child in descendants(pid))}


def _roots(stack):
    """Everything that the stack writes to: its home, temporary files, shared memory."""
    return [stack.home, *(stack.folder / "tmp").iterdir(), *_ours_in_memory()]


def _openings(stack):
    """The paths that another user can list, read or connect to."""
    roots = _roots(stack)
    look = lambda: [str(path) for root in roots for path in _opened(root)]  # noqa: E731
    if os.geteuid() == 0:
        return as_stranger(look)
    return [str(path) for root in roots for path in (root, *root.rglob("*")) if _is_open(path)]


def _opened(root):
    """As the user who runs this."""
    waiting = [root]
    while waiting:
        path = waiting.pop()
        try:
            kind = path.lstat().st_mode
            if stat.S_ISDIR(kind):
                waiting += path.iterdir()
            elif stat.S_ISSOCK(kind):
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(str(path))
            elif stat.S_ISREG(kind):
                path.open("rb").close()
        except OSError:
            continue
        yield path


def _ours_in_memory():
    return sorted(_MEMORY.glob("vitals-*"))


def _is_open(path):
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    # a server opens its socket to all; its folder does not
    is_special = stat.S_ISSOCK(mode) or stat.S_ISLNK(mode)
    return not is_special and bool(stat.S_IMODE(mode) & 0o077)
