"""Every page of docs/decisions has a status, the list shows it, and a superseded page says by what."""

import re

import pytest

from tests.documents import REPOSITORY

FOLDER = REPOSITORY / "docs" / "decisions"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("[0-9]*.md"))}
LIST = (FOLDER / "README.md").read_text(encoding="utf-8")
LINK = r"\[(\d{4})\]\((\1-[\w-]+\.md)\)"
STATUS = re.compile(
    r"# (?P<number>\d+)\. [^\n]+\n\n"
    r"Status: (?P<word>Accepted|Superseded by|Superseded in part by)(?P<rest>[^\n]*)\.\n\n"
)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_begins_with_its_number_and_a_valid_status(name):
    status = STATUS.match(PAGES[name])
    assert status, "see docs/decisions/README.md for the status lines"
    assert int(status["number"]) == int(name[:4])
    later = [page for _, page in re.findall(LINK, status["rest"])]
    assert bool(later) == (status["word"] != "Accepted")
    assert [page for page in later if page not in PAGES or page <= name] == []


def test_list_has_every_page_with_its_status():
    rows = re.findall(rf"^\| {LINK} \| [^|]+ \| ([^|]+) \|$", LIST, re.MULTILINE)
    assert [name for _, name, _ in rows] == list(PAGES)
    for _, name, shown in rows:
        status = STATUS.match(PAGES[name])
        assert shown.startswith(status["word"].lower()), name
        assert re.findall(LINK, shown) == re.findall(LINK, status["rest"]), name


@pytest.mark.parametrize("name", PAGES)
def test_a_superseded_page_names_the_page_that_replaced_it(name):
    claims = re.findall(rf"[Ss]upersedes(?:\s+[a-z]+)*\s+{LINK}", PAGES[name])
    for _, earlier in claims:
        assert f"]({name})" in STATUS.match(PAGES[earlier])["rest"], earlier


def test_template_has_a_valid_status():
    template = (FOLDER / "template.md").read_text(encoding="utf-8")
    assert STATUS.match(template.replace("NN", "0", 1))
