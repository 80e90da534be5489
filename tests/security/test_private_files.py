"""Nothing that a running stack has on disk, in memory or as a socket is open to another user."""

import os
import socket
import stat
from pathlib import Path

import pytest

from ops.stack.descendants import descendants
from tests.security.running import running_stack
from tests.security.stranger import as_stranger

_MEMORY = Path("/dev/shm")
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
        for folder in (stack.home, *stack.temporary.iterdir(), *_ours_in_memory())
        for path in (folder, *folder.rglob("*"))
        if _is_open(path) and not _is_certificate(path)
    ]
    assert found == []


def test_a_part_knows_the_broker_password_of_its_own_login_only(stack):
    """Its environment has the path; no command line and no environment has a password."""
    passwords = {
        path.name: path.read_bytes() for path in (stack.home / "secrets").glob("kafka_*_password")
    }
    assert len(passwords) == 6
    logins = {"producer-1": "producer", "consumer": "consumer", "monitor": "reader"}
    for part, pid in stack.pids.items():
        for process in [pid, *(child.pid for child in descendants(pid))]:
            told = b"".join(
                Path(f"/proc/{process}/{name}").read_bytes() for name in ("environ", "cmdline")
            )
            assert not [name for name, password in passwords.items() if password in told]
            named = {name for name in passwords if name.encode() in told}
            assert named == ({f"kafka_{logins[part]}_password"} if part in logins else set()), part


def test_both_see_it_where_the_umask_is_as_usual(jars, class_archive, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(_WITHOUT_UMASK)
    with running_stack(jars.parent, PYTHONPATH=str(tmp_path)) as stack:
        openings = _openings(stack)
        # Spark's blocks, which hold readings and the job
        assert any("blockmgr-" in path for path in openings), openings
        assert any(_is_open(path) for path in stack.home.rglob("*.log"))


def _openings(stack):
    """The paths that another user can list, read or connect to."""
    roots = [stack.home, *stack.temporary.iterdir(), *_ours_in_memory()]
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


def _is_certificate(path):
    """Public: a server sends it to whoever connects."""
    return path.suffix == ".pem" and b"PRIVATE KEY" not in path.read_bytes()


def _is_open(path):
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    # a server opens its socket to all; its folder does not
    is_special = stat.S_ISSOCK(mode) or stat.S_ISLNK(mode)
    return not is_special and bool(stat.S_IMODE(mode) & 0o077)
