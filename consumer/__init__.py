"""From the topic to the database: decode, clean, and one transaction per partition range."""
