"""The cleaning rules: pure functions, so that the consumer and `vitals explain` always agree."""
