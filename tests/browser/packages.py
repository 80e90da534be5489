"""Debian packages with their dependencies, downloaded and unpacked without root."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from common.errors import UnavailableError

PACKAGE = "chromium"
# without a font a page shows no text at all
_WITH_IT = ("fonts-liberation",)
_HINT = "check this machine's network and apt sources: apt-get update"

Say = Callable[[str], None]


def download(folder: Path, say: Say) -> list[Path]:
    """The package and those of its dependencies that the machine lacks, verified with apt's keys.

    Raises UnavailableError with the end of apt's output.
    """
    apt = folder / "apt"
    for subfolder in ("state/lists/partial", "cache/archives/partial"):
        (apt / subfolder).mkdir(parents=True)
    # our own lists and archives; only the machine's status says what is installed
    options = [
        *("-o", f"Dir::State={apt / 'state'}", "-o", f"Dir::Cache={apt / 'cache'}"),
        *("-o", "Dir::State::status=/var/lib/dpkg/status"),
        *("-o", "Debug::NoLocking=true"),
        # root's apt would download as a user who may not write to our folder
        *("-o", "APT::Sandbox::User=root"),
        *("-o", "APT::Get::List-Cleanup=false"),
    ]
    say("  reading the package lists")
    _apt(options, "update", "--quiet")
    say(f"  downloading {PACKAGE} (about 100 MB)")
    _apt(
        options,
        *("install", "--download-only", "--yes", "--no-install-recommends", "--quiet"),
        *(PACKAGE, *_WITH_IT),
    )
    return sorted((apt / "cache" / "archives").glob("*.deb"))


def unpack(archives: list[Path], root: Path, say: Say) -> None:
    """Unpacks the packages into ``root``; runs none of their scripts."""
    root.mkdir(parents=True, exist_ok=True)
    for number, archive in enumerate(archives, 1):
        if number % 20 == 1:
            say(f"  unpacking {number} of {len(archives)} packages")
        subprocess.run(["dpkg", "-x", archive, root], check=True, capture_output=True)


def _apt(options: list[str], *command: str) -> None:
    found = subprocess.run(
        ["apt-get", *options, *command], capture_output=True, text=True, check=False
    )
    if found.returncode != 0:
        said = (found.stderr or found.stdout).strip()[-1500:]
        raise UnavailableError(f"apt-get {command[0]} failed:\n{said}", hint=_HINT)
