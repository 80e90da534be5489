"""The version of all of this; pyproject.toml takes it from here, and so do the images."""

VERSION = "0.1.0"
