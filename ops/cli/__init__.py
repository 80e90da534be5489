"""The `vitals` command: its arguments and its output."""
