"""Where the Java clients' default partitioner, and ours, puts a key: a murmur2 hash."""

import functools

_MULTIPLIER, _SEED, _MASK = 0x5BD1E995, 0x9747B28C, 0xFFFFFFFF


@functools.lru_cache(100_000)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key in a topic with this number of partitions."""
    hashed = _SEED ^ len(key)
    whole = len(key) & ~3
    for start in range(0, whole, 4):
        word = int.from_bytes(key[start : start + 4], "little") * _MULTIPLIER & _MASK
        word = (word ^ (word >> 24)) * _MULTIPLIER & _MASK
        hashed = (hashed * _MULTIPLIER & _MASK) ^ word
    if whole < len(key):
        hashed = (hashed ^ int.from_bytes(key[whole:], "little")) * _MULTIPLIER & _MASK
    hashed = (hashed ^ (hashed >> 13)) * _MULTIPLIER & _MASK
    # Java's hash is signed, and its partitioner drops the sign
    return ((hashed ^ (hashed >> 15)) & 0x7FFFFFFF) % partitions
