"""Spark's Python worker daemon, without what makes each small task slow.

Every task calls ``importlib.invalidate_caches()``, which reads the directories of the archives on
the path again (150 ms a task), and ``gc.collect()`` over everything imported (50 ms). So the
archives leave the path, what the writer needs is imported before the workers are forked, and its
objects are frozen out of the collector's sight. Measured in docs/decisions/0004.
"""

import gc
import os
import sys
import zipimport

import pyspark.daemon

import common.crash_points
import common.log
import common.settings
import consumer.partition_writer  # noqa: F401 - so that every forked worker has it


def _drop_archives() -> None:
    # pyspark and the rest come from site-packages; the archives only repeat them
    sys.path[:] = [each for each in sys.path if not each.endswith((".zip", ".jar"))]
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter) or path.endswith((".zip", ".jar")):
            del sys.path_importer_cache[path]


if __name__ == "__main__":
    # on a cluster pyspark may be there only as an archive: then it has to stay
    if os.path.isdir(os.path.dirname(pyspark.__file__)):  # noqa: PTH112, PTH120
        _drop_archives()
    common.log.configure(
        common.settings.load(common.settings.LogSettings), service="consumer-worker"
    )
    common.crash_points.arm(common.settings.load(common.crash_points.CrashSettings))
    gc.collect()
    gc.freeze()
    pyspark.daemon.manager()  # type: ignore[no-untyped-call]
