"""docs/reference/tables.md has every table and column of a migrated database, and no other."""

import re
from operator import itemgetter
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "tables.md"
COLUMNS = (
    "SELECT table_name, column_name, column_key = 'PRI' FROM information_schema.columns"
    " WHERE table_schema = %s ORDER BY table_name, ordinal_position"
)
FOREIGN_KEYS = (
    "SELECT table_name, column_name, referenced_table_name"
    " FROM information_schema.key_column_usage"
    " WHERE table_schema = %s AND referenced_table_name IS NOT NULL"
)


def documented():
    """Table, column and the text of the column "key", in the order of the page."""
    text = PAGE.read_text(encoding="utf-8")
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        for column, key in re.findall(r"^\| `(\w+)` \| ?(.*?) ?\| \S", section, re.MULTILINE):
            yield section.split()[0], column, key


def test_the_page_has_every_column_in_order_with_its_primary_key(migrated, settings, query):
    rows = query(migrated, COLUMNS, settings.db_name)
    real = [(table, column, bool(is_key)) for table, column, is_key in rows]
    shown = [(table, column, key.startswith("primary")) for table, column, key in documented()]
    # servers differ in where they sort an underscore
    by_table = itemgetter(0)
    assert sorted(shown, key=by_table) == sorted(real, key=by_table)


def test_the_page_names_what_each_foreign_key_refers_to(migrated, settings, query):
    rows = query(migrated, FOREIGN_KEYS, settings.db_name)
    found = {
        (table, column, reference)
        for table, column, key in documented()
        for reference in re.findall(r"to `(\w+)`", key)
    }
    assert found == set(rows)
