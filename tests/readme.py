"""The READMEs, taken apart."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
READMES = ("README.md", "README.pt-BR.md")
CONTAINERS = ("In containers", "Em contêineres")


def text_of(name):
    return (REPOSITORY / name).read_text(encoding="utf-8")


def blocks(text, language):
    """The fenced blocks of a language, in the order of the page."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def section(readme, *titles):
    """What stands under the first of the titles that the README has."""
    parts = re.split(r"^## (.*)\n", text_of(readme), flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    return next(found[title] for title in titles if title in found)
