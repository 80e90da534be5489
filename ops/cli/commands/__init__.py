"""The commands of `vitals`, one module each."""
