"""Texts in a statement by the thousand: as parameters the driver takes 4 us for each, ten times as long."""

from collections.abc import Iterable


def texts(values: Iterable[str], character_set: str) -> list[str]:
    """A literal for each text, safe whatever it holds.

    ``character_set``: that of the column; with another one the server would not use its index.
    """
    return [f"_{character_set} X'{value.encode().hex()}'" for value in values]
