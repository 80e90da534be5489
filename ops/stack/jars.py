"""The committed list of jars, and the folder that holds them once they are verified."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from common.errors import ConfigurationError

MANIFEST = Path(__file__).with_name("jars.txt")
_MARKER = ".verified"


class JarSet(StrEnum):
    """What the jars are for; each set has its own folder."""

    KAFKA = "kafka"
    SPARK = "spark"
    DATABASE = "database"
    MONITOR = "monitor"


@dataclass(frozen=True)
class Jar:
    """One line of the list: a Maven coordinate, and its file's size and checksum.

    An archive that is not a plain jar has its extension and classifier after the version.
    """

    jar_set: str
    group: str
    artifact: str
    version: str
    size_bytes: int
    sha256: str
    extension: str = "jar"
    classifier: str = ""

    @property
    def file_name(self) -> str:
        """The name under which Maven repositories keep it."""
        classifier = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{classifier}.{self.extension}"


def listed_jars(jar_set: str, manifest: Path = MANIFEST) -> list[Jar]:
    """The committed jars of one set; ``manifest``: a list other than the stack's own."""
    lines = manifest.read_text(encoding="utf-8").splitlines()
    jars = (_parse(line) for line in lines if line and not line.startswith("#"))
    return [jar for jar in jars if jar.jar_set == jar_set]


def is_complete(folder: Path, jars: list[Jar]) -> bool:
    """Whether exactly these jars were verified there before; hashes nothing again."""
    marker = folder / _MARKER
    return (
        marker.is_file()
        and marker.read_text(encoding="utf-8") == _fingerprint(jars)
        and all((folder / jar.file_name).is_file() for jar in jars)
    )


def verify(folder: Path, jars: list[Jar]) -> None:
    """Checks every jar against its checksum and leaves a mark for `is_complete`.

    Raises ConfigurationError if a file is missing or does not match; one that does not match is removed.
    """
    for jar in jars:
        path = folder / jar.file_name
        if not path.is_file():
            raise ConfigurationError(
                f"{jar.file_name} was not retrieved into {folder}",
                hint="see the retrieval log next to it, and run the command again",
            )
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != jar.sha256:
            path.unlink()
            raise ConfigurationError(
                f"{jar.file_name} has SHA-256 {digest}, expected {jar.sha256}; it was removed",
                hint="the repository or something in between changed it: do not bypass this"
                " check; try again, or set VITALS_IVY_SETTINGS to a repository you trust",
            )
    (folder / _MARKER).write_text(_fingerprint(jars), encoding="utf-8")


def _parse(line: str) -> Jar:
    jar_set, coordinate, size_bytes, sha256 = line.split()
    group, artifact, version, *archive = coordinate.split(":")
    return Jar(jar_set, group, artifact, version, int(size_bytes), sha256, *archive)


def _fingerprint(jars: list[Jar]) -> str:
    return hashlib.sha256("".join(sorted(jar.sha256 for jar in jars)).encode()).hexdigest()
