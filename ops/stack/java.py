"""The Java that runs Kafka and Spark."""

import re
import shutil
import subprocess
from pathlib import Path

from common.errors import ConfigurationError

MINIMUM_VERSION = 17
IN_UTF8 = ("env", "LC_ALL=C.UTF-8")
"""Before a JVM's command: it reads names of files by its locale, and the plain C locale has no accents."""
_HINT = (
    "install a Java 17 or 21 runtime (Debian and Ubuntu: openjdk-17-jre-headless), or set JAVA_HOME"
)


def find_java(java_home: Path | None) -> Path:
    """The java binary of JAVA_HOME, else of PATH.

    Raises ConfigurationError if there is none, it does not run, or it is too old for Spark and Kafka.
    """
    where = str(java_home / "bin") if java_home else None
    found = shutil.which("java", path=where)
    if not found:
        raise ConfigurationError(f"no java in {where or 'PATH'}", hint=_HINT)
    try:
        output = subprocess.run(
            [found, "-version"], capture_output=True, text=True, check=True, timeout=30
        ).stderr
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigurationError(f"{found} does not run: {error}", hint=_HINT) from error
    version = parse_version(output)
    if version < MINIMUM_VERSION:
        raise ConfigurationError(
            f"{found} is Java {version or '?'}, at least {MINIMUM_VERSION} is needed", hint=_HINT
        )
    return Path(found)


def parse_version(output: str) -> int:
    """The feature version in what ``java -version`` prints; 0 if it cannot be read."""
    match = re.search(r'version "(?:1\.)?(\d+)', output)
    return int(match[1]) if match else 0
