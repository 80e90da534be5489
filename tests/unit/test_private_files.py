"""Folders of ours are closed to others, whoever made them before."""

import pytest

from common.private_files import make_private
from ops.stack.folders import MARK, claim


@pytest.fixture(params=["new", "open"])
def folder(request, tmp_path):
    folder = tmp_path / "home"
    if request.param == "open":
        folder.mkdir()
        folder.chmod(0o755)
    return folder


def test_a_folder_is_closed_to_others_whoever_opened_it(folder):
    make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_home_is_closed_to_others_and_a_folder_of_somebody_else_is_left_alone(folder, tmp_path):
    claim(folder)
    assert (folder / MARK).exists()
    assert folder.stat().st_mode & 0o777 == 0o700
    other = tmp_path / "others"
    other.mkdir()
    other.chmod(0o755)
    (other / "file").touch()
    claim(other)
    assert other.stat().st_mode & 0o777 == 0o755
