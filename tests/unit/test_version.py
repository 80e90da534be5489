"""One version for command, package and changelog; test_compose_file checks the images."""

import re
import tomllib

from common.version import VERSION
from tests.documents import REPOSITORY, text_of


def test_the_package_takes_its_version_from_the_code():
    document = tomllib.loads(text_of(REPOSITORY / "pyproject.toml"))
    assert document["project"]["dynamic"] == ["version"]
    assert document["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "common.version.VERSION"


def test_the_changelog_begins_with_it():
    newest = re.search(r"^## (\S+)", text_of(REPOSITORY / "CHANGELOG.md"), re.MULTILINE)
    assert newest[1] == VERSION
