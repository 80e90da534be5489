"""Producers that run continuously: shards of the patients, window by window."""
