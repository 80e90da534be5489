"""Where the database server starts: its temporary folder is named from there."""

from ops.stack.database_files import Flavour
from ops.stack.server_binary import ServerBinary

_LOOKS_AT_ONCE = """#!/bin/sh
for option; do
  case $option in --tmpdir=*) cd "${option#--tmpdir=}" || exit 1;; esac
done
"""


def test_mysql_finds_its_temporary_folder_before_it_goes_to_its_data(tmp_path):
    """It ended with "Can't get stat of '../tmp'", and the stack fell back to MariaDB."""
    mysqld = tmp_path / "mysqld"
    mysqld.write_text(_LOOKS_AT_ONCE)
    mysqld.chmod(0o755)
    binary = ServerBinary(Flavour.MYSQL, (str(mysqld),), "MySQL")
    binary.initialise(tmp_path / "database" / "data", tmp_path / "database.log")
