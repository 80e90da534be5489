"""The formats of our files: the raw archive's lines and the trusted files."""
