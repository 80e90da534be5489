"""The secrets of the containers."""

import stat

import pytest

from common.errors import ConfigurationError
from ops.credentials.compose import NAMES, PASSWORDS, make_secrets


def test_every_account_gets_a_password_of_its_own_that_is_not_shown(tmp_path):
    said = []
    make_secrets(tmp_path / "new", said.append)
    passwords = {name: (tmp_path / "new" / name).read_text() for name in PASSWORDS}
    assert len(set(passwords.values())) == len(PASSWORDS)
    assert all(len(password) >= 32 and password.isascii() for password in passwords.values())
    assert not any(password in line for password in passwords.values() for line in said)


def test_a_second_call_changes_nothing_and_a_missing_one_is_made(tmp_path):
    make_secrets(tmp_path, print)
    before = {name: (tmp_path / name).read_text() for name in NAMES}
    (tmp_path / PASSWORDS[-1]).unlink()
    make_secrets(tmp_path, print)
    after = {name: (tmp_path / name).read_text() for name in NAMES}
    assert [name for name in NAMES if before[name] != after[name]] == [PASSWORDS[-1]]


def test_other_users_cannot_reach_them_and_every_container_reads_them(tmp_path):
    make_secrets(tmp_path, print)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in NAMES} == {0o444}


def test_the_authoritys_key_is_for_its_owner_and_no_container_mounts_it(tmp_path):
    make_secrets(tmp_path, print)
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600
    assert "ca.key" not in NAMES
    assert {path.name for path in tmp_path.iterdir()} == {*NAMES, "ca.key"}


def test_a_folder_that_is_a_file_is_an_error_that_says_what_to_do(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="--user"):
        make_secrets(tmp_path / "file" / "folder", print)
