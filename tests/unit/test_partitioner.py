"""Kafka's own examples of its partitioner (UtilsTest.testMurmur2), as partitions of huge topics."""

import pytest

from common.broker.partitioner import partition_of


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_a_key_is_where_the_java_clients_put_it(key, hashed):
    assert partition_of(key, 0x7FFFFFFF) == (hashed & 0x7FFFFFFF) % 0x7FFFFFFF
    assert partition_of(key, 7) == (hashed & 0x7FFFFFFF) % 7
