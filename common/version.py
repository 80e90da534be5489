"""The version of the whole project; pyproject.toml and the images read it from here."""

VERSION = "0.1.0"
