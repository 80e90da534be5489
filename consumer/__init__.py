"""From the topic to the database: decode, clean, and one transaction a partition range."""
