"""The workers run without the archives that make each of their tasks slow."""

from pyspark.sql import SparkSession


def test_workers_have_no_archive_on_their_path(spark: SparkSession) -> None:
    def look(rows):
        # a worker cannot import this module: it gets this function alone
        import sys
        import zipimport

        import pyarrow as pa
        import pyspark

        for _ in rows:
            pass
        importers = sys.path_importer_cache.items()
        found = [
            path for path, importer in importers if isinstance(importer, zipimport.zipimporter)
        ]
        yield pa.RecordBatch.from_pydict({"archives": [str(found)], "pyspark": [pyspark.__file__]})

    (row,) = spark.range(0, 1, 1, 1).mapInArrow(look, "archives string, pyspark string").collect()

    assert row["archives"] == "[]"
    assert ".zip" not in row["pyspark"]
