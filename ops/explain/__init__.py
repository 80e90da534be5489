"""The story of one reading: where it came from, how it was judged, and what became of it."""
