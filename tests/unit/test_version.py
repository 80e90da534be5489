"""One version, of the command, the package and the changelog; test_compose_file has the images."""

import re
import tomllib

from common.version import VERSION
from tests.readme import text_of


def test_the_package_takes_its_version_from_the_code():
    document = tomllib.loads(text_of("pyproject.toml"))
    assert document["project"]["dynamic"] == ["version"]
    assert document["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "common.version.VERSION"


def test_the_changelog_begins_with_it():
    newest = re.search(r"^## (\S+)", text_of("CHANGELOG.md"), re.MULTILINE)
    assert newest[1] == VERSION
