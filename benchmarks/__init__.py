"""How fast the pipeline is on this machine: ``python -m benchmarks``."""
