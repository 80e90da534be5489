"""Every page is true: its links, commands, settings and places in the code exist."""

import re

import pytest

from tests.builders import READINGS_A_SAMPLE
from tests.docs.commands import unknown_commands, unknown_settings
from tests.documents import (
    CONTAINERS,
    DOCS,
    PORTUGUESE,
    READMES,
    REPOSITORY,
    RUN,
    anchors,
    blocks,
    command_lines,
    every_page,
    guides,
    name_of,
    prose,
    spans,
    text_of,
)

ROOMS = "common|schemas|db|producer|consumer|ops|docs|tests|benchmarks|locks"
TRANSLATED = {
    READMES[1]: READMES[0],
    **{page: DOCS / page.relative_to(PORTUGUESE) for page in sorted(PORTUGUESE.rglob("*.md"))},
}
MADE_LATER = ("ops/secrets/", "benchmarks/results/")
"""Folders of files that commands make."""
MUST_BE_TRANSLATED = ("start/index.md", "how-to/operations.md", "how-to/run.md")


def per_page(pages):
    return pytest.mark.parametrize("page", pages, ids=name_of)


@per_page(every_page())
def test_links_of_a_page_lead_to_files_and_headings(page):
    missing = []
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", prose(text_of(page))):
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(text_of(file))):
            missing.append(target)
    assert not missing


@per_page(sorted(DOCS.rglob("*.md")))
def test_pages_of_the_site_link_only_to_each_other(page):
    """The site has no page for a file of the repository: its path in backticks says where it is."""
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", prose(text_of(page)))
    resolved = {target: (page.parent / target).resolve() for target in targets}
    assert [target for target, file in resolved.items() if not file.is_relative_to(DOCS)] == []


@per_page(guides())
def test_commands_of_a_page_exist(page):
    text = text_of(page)
    found = [unknown_commands(code) for code in (*command_lines(text), *spans(text))]
    assert [word for words in found for word in words] == []


@per_page(guides())
def test_settings_of_a_page_exist(page):
    text = text_of(page)
    found = [unknown_settings(code) for code in (*command_lines(text), *spans(text))]
    assert [name for names in found for name in names] == []


@per_page(guides())
def test_places_in_the_code_that_a_page_names_exist(page):
    named = re.findall(
        rf"(?<![\w./-])((?:{ROOMS})/[\w./-]*)(?![\w*{{<])", " ".join(spans(text_of(page)))
    )
    given = [place for place in named if not place.startswith(MADE_LATER)]
    assert [place for place in given if not (REPOSITORY / place.rstrip(".")).exists()] == []


def test_where_to_change_what_names_many_places():
    text = text_of(DOCS / "ARCHITECTURE.md").partition("## Where to change what")[2]
    rows = [re.findall(r"`([\w./-]+)`", row) for row in text.splitlines() if row.startswith("| ")]
    places = [[place for place in row if re.search(r"[./]", place)] for row in rows]
    assert sum(map(len, places)) > 20
    for row in filter(None, places):
        folder = REPOSITORY / row[0] if row[0].endswith("/") else REPOSITORY
        for place in row:
            assert (REPOSITORY / place).exists() or (folder / place).exists(), place


@per_page(every_page())
def test_page_names_no_machine_path_and_no_registry_host(page):
    """A path or a mirror on the author's machine is of no use to the reader."""
    # a place in Kafka's own image is the same for every reader
    text = text_of(page).replace("/opt/kafka/bin/", "")
    assert not re.findall(r"(?<![\w.\]*])/(?:work|home|root|Users|tmp|opt|mnt|var)/\S*", text)
    assert not re.findall(r"(?i)\b(?:pypi|maven|repo\d?|nexus|artifactory)\.[a-z.]+/?\S*", text)


@pytest.mark.parametrize("language", ["sh", "console", "text", "csv", "powershell"])
@per_page(TRANSLATED)
def test_a_translation_has_the_same_commands_and_outputs(page, language):
    english, portuguese = (blocks(text_of(path), language) for path in (TRANSLATED[page], page))
    assert portuguese == english


@pytest.mark.parametrize("name", MUST_BE_TRANSLATED)
def test_start_and_operations_exist_in_portuguese(name):
    assert PORTUGUESE / name in TRANSLATED


@per_page(READMES)
def test_readme_is_short_and_begins_with_demo_and_test(page):
    text = text_of(page)
    assert len(text.splitlines()) <= 150
    assert {"demo", "test"} <= set(re.findall(r"(?:`|\$ )make ([a-z-]+)", text))


@per_page(READMES)
def test_counts_of_the_readme_are_those_of_the_catalogue(page):
    """A hundred patients, a sample a second, windows of ten seconds."""
    a_window = 100 * 10 * READINGS_A_SAMPLE
    text = text_of(page)
    proved = re.search(r"PROVED: (\d+) readings produced, (\d+) accepted, (\d+) quarantined", text)
    produced, accepted, quarantined = map(int, proved.groups())
    assert produced == accepted + quarantined == 6 * a_window
    plain = re.sub(r"(?<=\d)[.,](?=\d{3})", "", text)
    assert re.search(rf"{5 * a_window} (or|ou) {6 * a_window} ", plain)


@per_page(READMES)
def test_commands_of_the_readme_are_run_on_another_page(page):
    """So the README's own need not be: the same line is run where it is explained."""
    tried = {line for other in (CONTAINERS, *RUN) for line in command_lines(text_of(other))}
    lines = [line for body in blocks(text_of(page), "sh") for line in body.splitlines()]
    named = [
        line for line in lines if line and not line.startswith(("#", "make ", "git clone", "cd "))
    ]
    assert [line for line in named if line not in tried] == []


def test_every_page_with_commands_to_run_is_run():
    """``sh`` is for commands that a test runs; those that are only shown are ``console``."""
    english = [page for page in DOCS.rglob("*.md") if not page.is_relative_to(PORTUGUESE)]
    with_commands = {
        page
        for page in english
        for line in "".join(blocks(text_of(page), "sh")).splitlines()
        if not line.startswith("make ")
    }
    assert sorted(map(name_of, with_commands - {CONTAINERS, *RUN})) == []


def test_powershell_takes_the_same_commands():
    text = text_of(CONTAINERS)
    known = {line for block in blocks(text, "sh") for line in block.splitlines()}
    plain = {line.replace(' --user "$(id -u):$(id -g)"', "") for line in known}
    (block,) = blocks(text, "powershell")
    for line in block.splitlines():
        assert line in plain or line.startswith("$env:"), line
