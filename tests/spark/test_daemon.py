"""The workers run without the archives that make each of their tasks slow."""

import sys
import zipimport
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import SparkSession


def test_workers_have_no_archive_on_their_path(spark: SparkSession) -> None:
    def look(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in rows:
            pass
        importers = sys.path_importer_cache.items()
        found = [path for path, each in importers if isinstance(each, zipimport.zipimporter)]
        yield pa.RecordBatch.from_pydict({"archives": [",".join(found)], "pyspark": [_home()]})

    (row,) = spark.range(0, 1, 1, 1).mapInArrow(look, "archives string, pyspark string").collect()

    assert row["archives"] == ""
    assert "site-packages" in row["pyspark"]


def _home() -> str:
    import pyspark  # noqa: PLC0415 - the worker's own

    return pyspark.__file__
