"""The locks match pyproject.toml: every requirement, a matching version, hashes, no index."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PROJECT["dependency-groups"]
OWN = PROJECT["project"]["dependencies"]
LOCKS = {path.stem: path.read_text(encoding="utf-8") for path in REPOSITORY.glob("locks/*.txt")}
WITHIN = {"dev": ["runtime"], "bench": ["runtime"], "docs": ["runtime", "dev"]}
"""Locks that are installed into one environment: a package has one version in them."""


def requirements(lock):
    """What the lock is built from."""
    names = {"runtime": (), "dev": ("dev",)}.get(lock, (lock,))
    listed = [requirement for name in names for requirement in flattened(name)]
    return listed + (OWN if lock in ("runtime", "dev") else [])


def flattened(group):
    for entry in GROUPS[group]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from flattened(entry["include-group"])


def pinned(lock):
    """Versions by name; a package may have one for each version of Python."""
    found = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", LOCKS[lock], re.MULTILINE):
        found.setdefault(normalised(name), set()).add(version)
    return found


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_there_is_a_lock_for_the_project_and_for_each_group():
    assert set(LOCKS) == {"runtime", *GROUPS}


@pytest.mark.parametrize("lock", sorted(LOCKS))
def test_a_lock_has_a_fitting_version_of_every_requirement(lock):
    versions = pinned(lock)
    for text in requirements(lock):
        wanted = Requirement(text)
        locked = versions.get(normalised(wanted.name), set())
        assert locked, f"{text} is not in locks/{lock}.txt: run `make locks`"
        assert all(wanted.specifier.contains(version) for version in locked), text


@pytest.mark.parametrize("lock", sorted(LOCKS))
def test_every_line_of_a_lock_is_a_version_or_a_hash_of_it(lock):
    """No index address: each machine decides where its packages come from."""
    entries = re.split(r"\n(?! )", LOCKS[lock].strip())
    for entry in entries:
        first, *hashes = entry.split("\n")
        assert re.fullmatch(r"[\w.\[\]-]+==[\w.+!]+( ; .+)? \\", first), first
        assert hashes
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes)


@pytest.mark.parametrize("lock", WITHIN)
def test_locks_of_one_environment_agree(lock):
    versions = pinned(lock)
    for other in WITHIN[lock]:
        for name, locked in pinned(other).items():
            assert versions.get(name, locked) == locked, name
