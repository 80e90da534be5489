"""The file that lets Spark's JVM start in nearly half the time; made once per Java and pyspark."""

import hashlib
import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

SETTING = "SPARK_CLASS_ARCHIVE"


def archive_path(cache: Path, java: Path) -> Path:
    """Where the archive for this Java and this pyspark is kept; others cannot use it."""
    binary = java.resolve()
    stat = binary.stat()
    spec = importlib.util.find_spec("pyspark")
    # the JVM compares the paths of its class path too, and says nothing where they differ
    pyspark = (importlib.metadata.version("pyspark"), spec and spec.origin)
    parts = (binary, stat.st_size, stat.st_mtime_ns, *pyspark, cache)
    digest = hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
    return cache / f"spark-classes-{digest[:12]}.jsa"


def ensure_archive(
    path: Path, *, jars: Path, environment: Mapping[str, str], say: Callable[[str], None]
) -> None:
    """Makes the archive if it is missing, or older than a jar; safe to repeat. A failure only costs time later."""
    # the JVM ignores one that was made with other jars, by their times
    newest = max((jar.stat().st_mtime_ns for jar in jars.glob("*.jar")), default=0)
    if path.exists() and path.stat().st_mtime_ns >= newest:
        return
    path.unlink(missing_ok=True)
    say("preparing Spark's classes for faster starts (once, about 20 s)")
    result = subprocess.run(
        [sys.executable, "-m", "consumer.driver.class_archive"],
        env={**environment, SETTING: str(path), "SPARK_JARS_DIR": str(jars)},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        say(f"continuing without it: {result.stderr.strip()[-300:]}")
