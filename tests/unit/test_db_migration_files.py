import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ConfigurationError
from db.schema.migration_files import migrations, read_migrations, split_statements


@pytest.mark.parametrize(
    ("sql", "statements"),
    [
        ("", []),
        ("-- nothing; at all\n", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("-- first; second\nSELECT 1;", ["SELECT 1"]),
        ("# first; second\nSELECT 1;", ["SELECT 1"]),
        ("/* a;\n b */ SELECT 1;", ["SELECT 1"]),
        ("SELECT 'a;b', \"c;d\", `e;f`; SELECT 2", ["SELECT 'a;b', \"c;d\", `e;f`", "SELECT 2"]),
        ("SELECT 'it''s; one'; SELECT 2", ["SELECT 'it''s; one'", "SELECT 2"]),
        (r"SELECT 'it\'s; one'; SELECT 2", [r"SELECT 'it\'s; one'", "SELECT 2"]),
        ("SELECT '-- no; comment'; SELECT 2", ["SELECT '-- no; comment'", "SELECT 2"]),
        ("SELECT '/* no;'; SELECT '*/'", ["SELECT '/* no;'", "SELECT '*/'"]),
        ("SELECT 5--1; SELECT 2", ["SELECT 5--1", "SELECT 2"]),
        ("SELECT 1 -- the patient's; mark\n, 2;", ["SELECT 1  \n, 2"]),
        ("/*!80000 SET x = 1 */;", ["/*!80000 SET x = 1 */"]),
    ],
)
def test_only_a_semicolon_between_statements_ends_one(sql, statements):
    assert split_statements(sql) == statements


@given(st.lists(st.text(alphabet="a;'\"`\\-# \n/*", max_size=12), min_size=1, max_size=4))
def test_quoted_text_of_any_kind_never_splits_a_statement(texts):
    quoted = ["'" + text.replace("\\", "\\\\").replace("'", "''") + "'" for text in texts]
    statements = [f"SELECT {literal}" for literal in quoted]
    assert split_statements(";\n".join(statements)) == statements


def test_the_packaged_migrations_are_numbered_from_one():
    assert [migration.number for migration in migrations()] == list(range(1, len(migrations()) + 1))
    assert all(split_statements(migration.sql) for migration in migrations())


@pytest.mark.parametrize(
    "names",
    [["0002_b.sql"], ["0001_a.sql", "0003_c.sql"], ["0001_a.sql", "0001_b.sql"], ["1_a.sql"]],
)
def test_a_gap_a_double_or_a_strange_name_is_refused(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(ConfigurationError, match="cannot use the migration"):
        read_migrations(tmp_path)


def test_the_checksum_sees_an_edit_but_not_the_line_ends(tmp_path):
    path = tmp_path / "0001_a.sql"
    checksums = []
    for content in (b"SELECT 1;\n", b"SELECT 1;\r\n", b"SELECT 2;\n"):
        path.write_bytes(content)
        checksums.append(read_migrations(tmp_path)[0].checksum)
    assert checksums[0] == checksums[1] != checksums[2]
