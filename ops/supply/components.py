"""What is installed below a folder, read from what its installers left there.

Only the standard library and the list of jars: it runs in each image while that is built.
"""

import hashlib
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import quote

_LIST = Path(__file__).parents[1] / "stack" / "jars.txt"
_GROUPS = Path(__file__).with_name("groups.txt")
_JAR_NAME = re.compile(
    r"(?P<name>.+?)-(?P<version>\d[\w.]*?(?:-\w+)?)(?:-(?:linux|osx|windows|shaded)-\w+)?\.jar"
)


@dataclass(frozen=True, order=True)
class Component:
    """One part; ``purl`` names it for advisory databases (package-url/purl-spec)."""

    purl: str
    name: str
    version: str
    group: str = ""
    sha256: str = ""


def python_packages(folder: Path) -> Iterator[Component]:
    """The distributions that pip installed into a folder."""
    for found in distributions(path=[str(folder)]):
        name = re.sub(r"[-_.]+", "-", found.name).lower()
        yield Component(f"pkg:pypi/{name}@{quote(found.version)}", name, found.version)


def jars(*places: Path) -> Iterator[Component]:
    """Every jar below the places.

    Its coordinates are those of our list, else those that Maven packed into it, else what its file
    name says; advisory databases know nothing of the last kind.
    """
    listed = {component.sha256: component for component in listed_jars()}
    groups = {artifact: group for group, artifact in _lines(_GROUPS)}
    for place in places:
        for path in sorted(place.rglob("*.jar")) if place.is_dir() else [place]:
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            yield listed.get(sha256) or _unlisted_jar(path, sha256, groups)


def listed_jars() -> Iterator[Component]:
    """The lines of ``ops/stack/jars.txt``, read without the stack's settings."""
    for _, coordinate, _, sha256 in _lines(_LIST):
        group, artifact, version, *_ = coordinate.split(":")
        yield _maven(group, artifact, version, sha256)


def debian_packages(status: Path) -> Iterator[Component]:
    """What dpkg has installed, as its status file says."""
    for paragraph in status.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(re.findall(r"^([\w-]+): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            name, version = fields["Package"], fields["Version"]
            purl = f"pkg:deb/debian/{name}@{quote(version)}?arch={fields['Architecture']}"
            yield Component(purl, name, version)


def runtimes(root: Path) -> Iterator[Component]:
    """The Python that runs this, and the Java of the image where there is one."""
    version = sys.version.split()[0]
    yield Component(f"pkg:generic/python@{version}", "python", version)
    release = root / "java" / "release"
    if release.is_file():
        (version,) = re.findall(r'^JAVA_VERSION="(.+)"$', release.read_text(), re.MULTILINE)
        yield Component(f"pkg:generic/openjdk@{version}", "openjdk", version)


def _lines(path: Path) -> Iterator[list[str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield line.split()


def _unlisted_jar(path: Path, sha256: str, groups: dict[str, str]) -> Component:
    named = _JAR_NAME.fullmatch(path.name)
    name, version = (named["name"], named["version"]) if named else (path.stem, "")
    with zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            if entry.endswith(f"/{name}/pom.properties"):
                lines = archive.read(entry).decode("utf-8", "replace").splitlines()
                said = dict(line.split("=", 1) for line in lines if "=" in line)
                return _maven(said["groupId"], said["artifactId"], said["version"], sha256)
    if version and name in groups:
        return _maven(groups[name], name, version, sha256)
    at = f"@{quote(version)}" if version else ""
    return Component(f"pkg:generic/{quote(name)}{at}", name, version, sha256=sha256)


def _maven(group: str, artifact: str, version: str, sha256: str) -> Component:
    purl = f"pkg:maven/{group}/{artifact}@{quote(version)}"
    return Component(purl, artifact, version, group, sha256)
