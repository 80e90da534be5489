"""Times in the JSON that `vitals` prints: one form everywhere in a document."""

import re

_LOOKS_LIKE_A_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def times_in(document, path="$"):
    """Every string in a document that begins like a time, by its path."""
    if isinstance(document, dict):
        parts = ((f"{path}.{name}", value) for name, value in document.items())
    elif isinstance(document, list | tuple):
        parts = ((f"{path}[{number}]", value) for number, value in enumerate(document))
    elif isinstance(document, str) and _LOOKS_LIKE_A_TIME.match(document):
        return {path: document}
    else:
        return {}
    return {name: text for part in parts for name, text in times_in(part[1], part[0]).items()}


def assert_times(document):
    """All of a document's times are UTC with milliseconds and a Z; returns them by their path."""
    found = times_in(document)
    wrong = {path: text for path, text in found.items() if not _TIME.fullmatch(text)}
    assert wrong == {}
    return found
