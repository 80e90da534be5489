"""Spark's Python worker daemon, without what makes each small task slow.

Every task calls ``importlib.invalidate_caches()``, which reads the directories of the archives on
the path again (150 ms a task), and ``gc.collect()`` over everything imported (50 ms). So the
archives leave the path before anything is imported from them, what the writer needs is imported
before the workers are forked, and its objects are frozen out of the collector's sight. Measured in
docs/decisions/0004.
"""

import importlib
import importlib.machinery
import re
import sys

# what Spark puts before site-packages, which has the same packages
_ARCHIVE = re.compile(r"(pyspark|py4j-[^/]*|spark-core_[^/]*)\.(zip|jar)(/|$)")


def _drop_archives() -> None:
    """Takes pyspark.zip, py4j and the jar off the path, unless pyspark is nowhere else.

    On a cluster pyspark may exist only as an archive: then they stay.
    """
    others = [path for path in sys.path if not _ARCHIVE.search(path)]
    if importlib.machinery.PathFinder.find_spec("pyspark", others) is None:
        return
    sys.path[:] = others
    for path in [path for path in sys.path_importer_cache if _ARCHIVE.search(path)]:
        del sys.path_importer_cache[path]


def main() -> None:
    """Runs the daemon until Spark ends it."""
    _drop_archives()
    # not at the top: a module imported from an archive keeps it in use
    import pyarrow as pa
    from pyspark import daemon

    from common import collector, crash_points, log, settings
    from consumer.worker.inbound import noting_socket

    # Arrow's own allocator gives memory back and asks for it again with every range: a sixth of a
    # worker's time, and 50 MB each
    pa.set_memory_pool(pa.system_memory_pool())

    # so that every forked worker has it
    importlib.import_module("consumer.worker.partition_writer")
    log.configure(settings.load(settings.LogSettings), service="consumer-worker")
    crash_points.arm(settings.load(crash_points.CrashSettings))
    collector.spare_what_is_loaded()
    daemon.worker = noting_socket(daemon.worker)
    daemon.manager()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
