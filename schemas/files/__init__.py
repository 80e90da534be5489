"""The contracts of our files: the raw archive's lines, the trusted files."""
