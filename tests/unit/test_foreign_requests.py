"""The check of the built site reports what a browser would load from elsewhere, but no links."""

import pytest

from ops.reference.foreign import foreign_requests


def found(tmp_path, name, text):
    (tmp_path / "how-to").mkdir()
    (tmp_path / "how-to" / name).write_text(text, encoding="utf-8")
    return foreign_requests(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/mermaid.js"></script>',
        '<script defer src="//cdn.example/mermaid.js"></script>',
        '<link rel="stylesheet" href="https://cdn.example/mermaid.js">',
        '<link rel="preconnect" href="https://cdn.example/mermaid.js" crossorigin>',
        '<img src="a.png" srcset="a.png 1x, https://cdn.example/mermaid.js 2x">',
        '<IMG SRC="http://cdn.example/mermaid.js">',
        "<style>@font-face {src: url(https://cdn.example/mermaid.js)}</style>",
        '<p style="background: url(//cdn.example/mermaid.js)">',
        '<form action="https://cdn.example/mermaid.js">',
    ],
)
def test_what_a_page_loads_is_found_and_named(tmp_path, text):
    (line,) = found(tmp_path, "run.html", text)
    assert line.startswith("how-to/run.html: ")
    assert "//cdn.example/mermaid.js" in line


@pytest.mark.parametrize(
    "text", ['@import "https://cdn.example/a.css";', "a{b:url(//cdn.example)}"]
)
def test_what_a_style_sheet_loads_is_found(tmp_path, text):
    assert len(found(tmp_path, "main.css", text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        '<a href="https://example.org/">somewhere</a>',
        '<link rel="canonical" href="https://example.org/run.html">',
        '<script src="../assets/javascripts/bundle.js"></script>',
        '<svg xmlns="http://www.w3.org/2000/svg"></svg>',
        "<code>&lt;script src=https://example.org&gt;</code>",
    ],
)
def test_links_and_the_sites_own_files_do_not_count(tmp_path, text):
    assert found(tmp_path, "run.html", text) == []
