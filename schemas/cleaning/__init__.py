"""What decides about a reading: pure, so that the consumer and whoever explains it say the same."""
