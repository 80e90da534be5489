"""Where the class archives are kept, one per Java and class path, and how Spark's is made."""

import hashlib
import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

SETTING = "SPARK_CLASS_ARCHIVE"


def spark_archive_path(cache: Path, java: Path) -> Path:
    """Where the archive for this Java and this pyspark is kept; others cannot use it."""
    spec = importlib.util.find_spec("pyspark")
    pyspark = (importlib.metadata.version("pyspark"), spec and spec.origin)
    return cache / f"spark-classes-{_digest(java, *pyspark, cache)}.jsa"


def kafka_archive_path(jars: Path, java: Path) -> Path:
    """Where the archive for this Java and these sets of jars is kept; others cannot use it."""
    return jars / f"kafka-classes-{_digest(java, jars)}.jsa"


def _digest(java: Path, *class_path: object) -> str:
    # the JVM compares the paths of its class path too, and says nothing where they differ
    binary = java.resolve()
    stat = binary.stat()
    parts = (binary, stat.st_size, stat.st_mtime_ns, *class_path)
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:12]


def is_current(path: Path, jars: Path) -> bool:
    """Whether the archive is there, and none of the jars in the folder is newer."""
    # the JVM ignores one that was made with other jars, by their times
    newest = max((jar.stat().st_mtime_ns for jar in jars.glob("*.jar")), default=0)
    return path.exists() and path.stat().st_mtime_ns >= newest


def ensure_spark_archive(
    path: Path, *, jars: Path, environment: Mapping[str, str], say: Callable[[str], None]
) -> None:
    """Makes the archive if it is missing, or older than a jar; safe to repeat. A failure only costs time later."""
    if is_current(path, jars):
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
