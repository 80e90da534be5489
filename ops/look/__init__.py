"""What the pipeline looks like right now: the snapshot, its verdict, single messages."""
