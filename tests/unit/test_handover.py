"""What a worker sends arrives unchanged through Spark's columns."""

from dataclasses import replace

from pyspark.sql.pandas.types import from_arrow_schema

from consumer.handover import SUMMARY, RangeSummary
from tests.unit.test_consumer_metrics import SUMMARY as SENT


def test_a_summary_survives_the_way_through_arrow():
    sent = replace(SENT, retries={"deadlock": 2}, newest_ms=None)
    (row,) = sent.to_arrow().to_pylist(maps_as_pydicts="strict")
    assert RangeSummary.from_row(row) == sent


def test_spark_takes_the_columns_as_they_are():
    assert from_arrow_schema(SUMMARY).names == SUMMARY.names
