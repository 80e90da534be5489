"""The story of one reading: where it came from, what was decided about it, and what became of it."""
