"""The `vitals` command: its options, and one module per command."""
