"""Small disks of our own that can be filled and made read-only: tmpfs in a mount namespace.

A process enters such a namespace by being started again under ``unshare``; only it and its children see
the mounts, which end with them. Root needs nothing else; other users need user namespaces.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import UnavailableError

_MARK = "VITALS_PROVE_NAMESPACE"
_BALLAST = ".ballast"
_PROBE = ".probe"
_PROBE_BYTES = 1 << 20
_PIECE_BYTES = 4_096
_BY_PIECES_BYTES = 4 << 20
_MEGABYTES = 64
# twice what the readings of 100 patients take in a minute as raw JSON
_MEGABYTES_PER_MINUTE = 32


def is_inside(environment: Mapping[str, str]) -> bool:
    """Whether this process has its own mount namespace."""
    return environment.get(_MARK) == "inside"


def enter_namespace(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Starts this program again, with ``arguments``, in a namespace; returns if that is refused."""
    if _MARK in environment:
        return
    command = ["unshare", "--mount", "--propagation", "private"]
    if os.geteuid() != 0:
        command.append("--map-root-user")
    if shutil.which("unshare") is None or not _allows_mounts(command):
        return
    program = [*command, sys.executable, "-m", "ops", *arguments]
    os.execvpe(command[0], program, {**environment, _MARK: "inside"})  # noqa: S606 - the same program


def _allows_mounts(command: Sequence[str]) -> bool:
    # any existing folder would do: what is mounted over it ends with the attempt
    trial = [*command, "mount", "-t", "tmpfs", "vitals", sys.prefix]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Disk:
    """A folder on its own disk, once it is mounted."""

    folder: Path

    def mount(self, megabytes: int) -> None:
        """Puts an empty disk over the folder. Raises UnavailableError if that is refused."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "vitals", str(self.folder))

    def fill(self) -> bool:
        """Fills the free space; True if nothing more can be written."""
        status = os.statvfs(self.folder)
        free_bytes = status.f_bavail * status.f_frsize
        with contextlib.suppress(OSError), (self.folder / _BALLAST).open("wb") as ballast:
            # refused as a whole if others have written meanwhile, so not for the last part
            os.posix_fallocate(ballast.fileno(), 0, max(1, free_bytes - _BY_PIECES_BYTES))
            ballast.seek(0, os.SEEK_END)
            while True:
                ballast.write(bytes(_PIECE_BYTES))
                ballast.flush()
        return not self._takes_a_file()

    def empty(self) -> None:
        """Frees what `fill` took."""
        (self.folder / _BALLAST).unlink(missing_ok=True)

    def protect(self) -> bool:
        """Makes the folder read-only for everybody; True if nothing can be written."""
        # a disk with open files cannot be made read-only, but a second mount of it can
        _run("mount", "--bind", str(self.folder), str(self.folder))
        _run("mount", "-o", "remount,bind,ro", str(self.folder))
        return not self._takes_a_file()

    def release(self) -> None:
        """Undoes `protect`."""
        _run("umount", "--lazy", str(self.folder))

    def _takes_a_file(self) -> bool:
        probe = self.folder / _PROBE
        try:
            probe.write_bytes(b"x" * _PROBE_BYTES)
        except OSError:
            return False
        finally:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)
        return True


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UnavailableError(f"cannot change a disk: {done.stderr.strip()}")


def small_disks(output: Path, minutes: float) -> dict[str, Disk]:
    """Mounts one for the archive and one for the trusted files of a run of this length."""
    disks = {name: Disk(output / name) for name in ("raw", "trusted")}
    for disk in disks.values():
        disk.mount(_MEGABYTES + round(minutes * _MEGABYTES_PER_MINUTE))
    return disks
