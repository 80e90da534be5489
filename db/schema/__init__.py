"""The database itself: migrations, accounts, and the rows that come with an installation."""
