"""The `vitals` command: what it takes and what it answers."""
