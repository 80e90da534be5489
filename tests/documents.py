"""The repository's Markdown pages, parsed, and which of their commands are run."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
PORTUGUESE = DOCS / "pt"
READMES = (REPOSITORY / "README.md", REPOSITORY / "README.pt-BR.md")

RUN = {
    DOCS / "how-to/run.md": None,
    DOCS / "how-to/new-sensor.md": None,
    DOCS / "how-to/real-data.md": "vitals up --producers 0",
    DOCS / "how-to/repair.md": "vitals up --producers 0",
}
"""Pages whose ``sh`` blocks are run one after the other, by one reader; and what the page takes to be
running in another terminal already. ``console`` blocks are commands that nobody should run here."""
CONTAINERS = DOCS / "how-to/containers.md"
"""The page whose ``sh`` blocks are run on a stack in containers."""
SAMPLES = DOCS / "how-to/real-data.md"
"""The page whose ``csv`` block is the file of readings that commands name."""


def every_page():
    """All pages that a reader may open, including those of the tests and benchmarks."""
    folders = ("docs", "tests", "benchmarks", "schemas", "ops", ".github")
    found = [REPOSITORY.glob("*.md"), *(REPOSITORY.glob(f"{name}/**/*.md") for name in folders)]
    return sorted(path for paths in found for path in paths)


def guides():
    """Pages about the present; decisions and the changelog are about the past."""
    history = (DOCS / "decisions", REPOSITORY / "CHANGELOG.md")
    return [page for page in every_page() if not any(page.is_relative_to(old) for old in history)]


def name_of(page):
    return str(page.relative_to(REPOSITORY))


def text_of(page):
    return page.read_text(encoding="utf-8")


def blocks(text, *languages):
    """The fenced blocks of these languages, in the order of the page."""
    found = re.findall(r"^```(\S+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [body for language, body in found if language in languages]


def prose(text):
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def spans(text):
    """What is in backticks outside of fenced blocks."""
    return re.findall(r"`([^`\n]+)`", prose(text))


def command_lines(text):
    """Commands as they are typed: in command blocks, and after the prompt in sessions."""
    lines = [line for body in blocks(text, "sh", "console") for line in body.splitlines()]
    sessions = [line for body in blocks(text, "text") for line in body.splitlines()]
    return [
        *(line.removeprefix("$ ") for line in lines if line and not line.startswith("#")),
        *(line.removeprefix("$ ") for line in sessions if line.startswith("$ ")),
    ]


def anchors(text):
    """What links may point at: the headings, as GitHub and the site name them."""
    found = []
    for heading in re.findall(r"^#{1,6} (.+?) *#*$", prose(text), re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        number = sum(earlier.rstrip("-0123456789") == slug for earlier in found)
        found.append(f"{slug}-{number}" if number else slug)
    return found
