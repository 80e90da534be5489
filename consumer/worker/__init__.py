"""Runs in Spark's Python workers: one task writes one partition's range. Never imports `consumer.driver`."""
