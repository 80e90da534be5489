"""What tests need on disk: brought once, and reported, before several workers ask for it."""

import os
from pathlib import Path

from ops.stack import JarSet, JarSource, find_java, jar_source, retrieve
from ops.stack.class_archive import ensure_spark_archive, spark_archive_path
from ops.stack.file_lock import exclusive
from ops.stack.jars import is_complete, listed_jars
from ops.stack.kafka_classes import ensure_kafka_archive
from ops.stack.provision import mariadb
from ops.stack.server_binary import installed_mysqld, is_unpacked
from tests.browser.chromium import find_or_bring

CACHE = Path(__file__).parents[1] / ".vitals" / "cache"
_NEED_A_STACK = tuple(
    f"tests/{name}/" for name in ("browser", "db", "docs", "security", "services", "spark")
)


def prepare(nodeids, say):
    """Downloads and unpacks what these tests use; each step that takes time says so. Safe to repeat."""
    if any(nodeid.startswith(_NEED_A_STACK) for nodeid in nodeids):
        made = source()
        for jar_set in (JarSet.KAFKA, JarSet.SPARK):
            bring_jars(made, jar_set, say)
        if installed_mysqld() is None and not is_unpacked(CACHE / "mariadb-11.4.5"):
            bring_jars(made, JarSet.DATABASE, say)
            mariadb(made, None, say)
        make_class_archive(made, say)
        ensure_kafka_archive(made.folder, made.java, say)
    if any(nodeid.startswith("tests/browser/") for nodeid in nodeids):
        find_or_bring(CACHE, say)


def source():
    """Jars come to the same cache as those of `vitals up`."""
    given = os.environ.get("VITALS_IVY_SETTINGS")
    return jar_source(CACHE, find_java(None), Path(given) if given else None)


def bring_jars(made: JarSource, jar_set, say):
    jars = listed_jars(jar_set)
    if not is_complete(made.folder / jar_set.value, jars):
        megabytes = sum(jar.size_bytes for jar in jars) / 1e6
        say(f"downloading the {jar_set.value} jars ({megabytes:.0f} MB, once)")
    retrieve(made, jar_set)


def make_class_archive(made: JarSource, say):
    """Each test starts a JVM of its own: half the time is worth a file of classes."""
    path = spark_archive_path(CACHE, made.java)
    with exclusive(path.with_suffix(".lock")):
        ensure_spark_archive(
            path, jars=made.folder / JarSet.SPARK.value, environment=os.environ, say=say
        )
    return path
