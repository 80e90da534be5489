"""Environments of peers: each in its own folder, made once from a committed lock."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from benchmarks.peers.peer import Say
from common.errors import ConfigurationError, UnavailableError
from ops.stack import JarSource, listed_jars, retrieve_jars

PEERS_FOLDER = "peers"
_BUILD_LOCK = Path(__file__).parents[2] / "locks" / "build.txt"
_MARKER = ".installed"


def python_environment(folder: Path, lock: Path, say: Say, *, version: str | None = None) -> Path:
    """The python of a virtual environment that holds exactly ``lock``; recreated if that has changed.

    ``version``: such as ``3.11``, if the lock has no wheels for others; None is our own.

    Raises:
        ConfigurationError: there is no such Python.
        UnavailableError: pip cannot install the lock.
    """
    python, marker = folder / "bin" / "python", folder / _MARKER
    fingerprint = hashlib.sha256(_BUILD_LOCK.read_bytes() + lock.read_bytes()).hexdigest()
    if marker.is_file() and marker.read_text(encoding="ascii") == fingerprint:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    say(f"installing {lock.parent.name} into {folder} (once)")
    _run([_base_python(version), "-m", "venv", str(folder)])
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    # packages without wheels are built with the locked setuptools, not with a newer one
    _run([*pip, "--require-hashes", "-r", str(_BUILD_LOCK)])
    _run([*pip, "--require-hashes", "--no-build-isolation", "-r", str(lock)])
    marker.write_text(fingerprint, encoding="ascii")
    return python


def peer_jars(folder: Path, java: Path, manifest: Path, name: str, say: Say) -> Path:
    """The folder ``name`` below ``folder`` with one set of jars from a peer's own list, checked by SHA-256.

    Raises: as `ops.stack.retrieve`.
    """
    jars = listed_jars(name, manifest)
    if not (folder / name).is_dir():
        megabytes = sum(jar.size_bytes for jar in jars) >> 20
        say(f"downloading {len(jars)} {name} jars ({megabytes} MB) into {folder} (once)")
    return retrieve_jars(JarSource(java=java, folder=folder), name, jars)


def unpacked(archive: Path, folder: Path) -> Path:
    """``folder`` with the content of a verified ``archive``; unpacked only once."""
    marker = folder / f".{archive.name}"
    if not marker.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with tarfile.open(archive) as content:
            content.extractall(folder, filter="data")
        marker.touch()
    return folder


def _base_python(version: str | None) -> str:
    if version is None or f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        raise ConfigurationError(
            f"this peer needs Python {version}, and there is no python{version} on PATH",
            hint="install it, or leave the peer out",
        )
    return found


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        end = "\n".join((done.stderr or done.stdout).splitlines()[-12:])
        raise UnavailableError(
            f"`{' '.join(command)}` ended with code {done.returncode}:\n{end}",
            hint="check the network and the disk, and try again",
        )
