"""What a stack is asked to run."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ops.stack.supervisor import LONGEST_DELAY_SECONDS


@dataclass(frozen=True)
class Plan:
    """What `vitals up` was asked for."""

    producers: int = 1
    patients: int = 100
    fresh: bool = False
    has_monitor: bool = False
    """Whether the monitor page is served."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the parts get besides the addresses of the stack, or instead of them."""
    longest_delay_seconds: float = LONGEST_DELAY_SECONDS
    """The longest that a part waits before it is restarted."""
    kafka_advertised_port: int | None = None
    """The port clients are sent to, if not the broker's own."""
