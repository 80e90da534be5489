"""The broker's settings for programs and clients of the tests."""

from pathlib import Path

from common.secret import PlacedSecret
from common.settings import KafkaSettings


def environment_of(kafka: KafkaSettings) -> dict[str, str]:
    """For a program of its own; the password stays in its file."""
    names = {}
    for name, value in kafka:
        if isinstance(value, PlacedSecret):
            assert isinstance(value.place, Path)
            names[f"{name.upper()}_FILE"] = str(value.place)
        elif value is not None:
            names[name.upper()] = str(value)
    return names
