"""The proof: what was produced, against what arrived, reading by reading."""
