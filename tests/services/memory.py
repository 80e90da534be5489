"""How much memory a process and its descendants hold."""

from benchmarks.processes import held_bytes, usage_of

__all__ = ["MOST_BYTES", "held_bytes", "memory_of"]

MOST_BYTES = 1_500_000_000
"""What the consumer may take on a small machine: driver, JVM and workers together."""


def memory_of(process):
    """Watches the process and its descendants during the block."""
    return usage_of([process.pid])
