"""The database: numbered SQL migrations, demo seed, and every statement that the pipeline runs.

The one place that maps the English of the wire to the Portuguese of the tables.
"""
