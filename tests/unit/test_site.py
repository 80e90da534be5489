"""The site's settings, as far as they can be checked without building it (`make docs`)."""

import re
from pathlib import Path

from ops.stack.jars import listed_jars

REPOSITORY = Path(__file__).parents[2]
SITE = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")
DOCS = REPOSITORY / "docs"


def test_menu_has_every_page():
    menu = re.findall(r"^ +- (?:[\w ]+: )?(\S+\.md)$", SITE.partition("\nnav:")[2], re.MULTILINE)
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    decisions = {name for name in pages if name.startswith("decisions/")}  # the hook adds them
    assert sorted(menu) == sorted(pages - decisions | {"decisions/README.md"})


def test_nothing_is_fetched_by_the_theme():
    assert "  font: false\n" in SITE
    assert not re.search(r"https?://|repo_url|cdn", SITE)


def test_mermaid_is_listed_with_its_checksum():
    (jar,) = listed_jars("docs", REPOSITORY / "ops" / "reference" / "jars.txt")
    assert (jar.artifact, len(jar.sha256)) == ("mermaid", 64)
    assert jar.size_bytes > 0
