"""How large the parts of a message may be."""

MAX_MESSAGE_BYTES = 1_000_000
"""The largest body that is published or decoded; under Kafka's default message limit."""
MAX_KEY_BYTES = 4_096
MAX_HEADERS_BYTES = 65_536
MAX_HEADERS = 1_000
KEPT_BYTES = 4_096
"""Of a body or a key above its limit, this many bytes are kept, from its beginning."""
MAX_COPY_BYTES = 2 * MAX_MESSAGE_BYTES
"""Limit for a dead letter: the largest body that Kafka accepts by default, plus its headers."""
MAX_RECORD_BYTES = MAX_MESSAGE_BYTES + 100_000
"""What the topic lets a record hold once it is decompressed: the limits above, with room."""
