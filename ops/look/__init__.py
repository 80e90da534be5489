"""The state of the pipeline right now: the snapshot, its verdict, single messages."""
