"""Runs in Spark's driver: the query, its offsets, its metrics. Never imports `consumer.worker`."""
