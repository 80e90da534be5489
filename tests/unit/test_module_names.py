"""Other files than Python's name our modules, too: when a module moves, they must follow.

An image imports by such a name while it is built, which takes an engine; here it takes a second.
"""

import importlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = "|".join(sorted(marker.parent.name for marker in ROOT.glob("*/__init__.py")))
MODULE = rf"(?:{PACKAGES})(?:\.[a-z_]\w*)+"
NAMED = re.compile(rf"(?<![\w./-]){MODULE}(?![\w/-])")
IMPORTED = re.compile(rf"from ({MODULE}) import (\w+)")
RUN = re.compile(rf"python3? -m ({MODULE})")
# `producer.send` is no module there; only a command names one
PROSE = {".md", ".js", ".java", ".html"}


def module_names(path: Path) -> set[str]:
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return set()
    if path.suffix in PROSE:
        return set(RUN.findall(text))
    return {*NAMED.findall(text), *(".".join(names) for names in IMPORTED.findall(text))}


def is_there(name: str) -> bool:
    """Whether `name` is a module of ours, or something that a module of ours has."""
    module, found = ROOT, []
    for part in name.split("."):
        if not (module / part).is_dir() and not (module / part).with_suffix(".py").is_file():
            attribute = importlib.import_module(".".join(found)) if found else None
            return hasattr(attribute, part)
        module, found = module / part, [*found, part]
    return True


def naming_files() -> dict[str, set[str]]:
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z"], check=True, capture_output=True, text=True
    ).stdout.split("\0")
    # a page of docs/decisions/ tells of its day
    others = [
        name
        for name in listed
        if name and not name.endswith(".py") and not name.startswith("docs/decisions/")
    ]
    names = {name: module_names(ROOT / name) for name in others if (ROOT / name).is_file()}
    return {name: modules for name, modules in names.items() if modules}


# the set is no parameter: its text, and so the test's id, would differ from one xdist worker to the next
@pytest.mark.parametrize("name", sorted(naming_files()))
def test_each_module_that_a_file_names_is_there(name):
    modules = module_names(ROOT / name)
    assert sorted(module for module in modules if not is_there(module)) == [], f"named in {name}"


def test_the_build_of_the_images_names_modules():
    assert "consumer.driver.session" in naming_files()["ops/images/Dockerfile"]
