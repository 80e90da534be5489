"""The `vitals` command: the embedded stack, what runs on it, and the tools to look inside."""
