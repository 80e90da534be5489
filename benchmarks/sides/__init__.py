"""What is measured: ours, the ceiling, and the peers, each behind ``timed_run.Side``."""
