"""The proof: compares what was produced with what arrived, reading by reading."""
