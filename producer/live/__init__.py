"""Producers that run all the time: shards of the patients, window by window."""
