"""Class archives: files of parsed classes that let a JVM start sooner."""

from pathlib import Path


def archive_options(archive: Path | None) -> list[str]:
    """The options with which a JVM starts from it; none if there is no such file."""
    if archive is None or not archive.exists():
        return []
    # the JVM checks that the archive fits its version and class path, and otherwise ignores it
    return [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto", "-Xlog:disable"]
