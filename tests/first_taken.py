"""What the header `first-taken` means: the same for Spark and for whoever else reads a message."""

from schemas.cleaning.times import FIRST_TIME_MS
from tests.builders import NOW

CASES = [
    ([("first-taken", str(NOW - 7_000).encode())], NOW - 7_000),
    ([("a", b"1"), ("first-taken", b"5"), ("first-taken", b"9")], 5),
    ([("first-taken", None), ("first-taken", b"9")], NOW),
    *(([("first-taken", value)], 5) for value in (b" 5\n", b"+5", b"5.9", b"0" * 30 + b"5")),
    # never later than the message, and never a time that the database cannot hold
    ([("first-taken", str(NOW + 1).encode())], NOW),
    ([("first-taken", str(FIRST_TIME_MS - 1).encode())], NOW),
    ([("first-taken", b"-9223372036854775808")], NOW),
    *(([("first-taken", value)], NOW) for value in (b"", b"soon", b"\xff", b"1_000", b"5e3", None)),
    *(([("first-taken", b"9" * count)], NOW) for count in (40, 5_000)),
    ([], NOW),
]
"""Headers of a message that Kafka received `NOW`, and when it counts as received."""
