"""What the pages of a built site would load from other hosts when opened."""

import re
from html.parser import HTMLParser
from pathlib import Path

_LOADED = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "form": ("action",),
}
_LINKS_TO_READ = {"canonical", "alternate", "next", "prev", "author", "license", "help"}
_ADDRESS = re.compile(r"(?:https?:)?//[^\s\"'<>)]+")
_IN_STYLES = re.compile(r"(?:url\(\s*|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)")


def foreign_requests(site: Path) -> list[str]:
    """``page: address`` of everything that is not the site's own; links to read do not count."""
    found = []
    for path in sorted(site.rglob("*")):
        if path.suffix in (".html", ".css", ".svg"):
            text = path.read_text(encoding="utf-8")
            page = _Page()
            if path.suffix != ".css":
                page.feed(text)
            addresses = [*page.addresses, *_IN_STYLES.findall(text)]
            found += [f"{path.relative_to(site)}: {address}" for address in addresses]
    return found


class _Page(HTMLParser):
    """Collects the addresses that a browser loads without a click."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        names = _LOADED.get(tag, ())
        if tag == "link" and not _LINKS_TO_READ & set(given.get("rel", "").split()):
            names = ("href",)
        for name in names:
            self.addresses += _ADDRESS.findall(given.get(name, ""))
