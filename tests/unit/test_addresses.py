"""The addresses of brokers, in every form that Kafka's clients take."""

import pytest

from common.broker.addresses import addresses


@pytest.mark.parametrize(
    ("servers", "found"),
    [
        ("kafka:9094", [("kafka", 9094)]),
        ("kafka", [("kafka", 9092)]),
        ("SASL_SSL://kafka-1.hospital.example:9093", [("kafka-1.hospital.example", 9093)]),
        ("[::1]:9094", [("::1", 9094)]),
        ("SASL_SSL://[fe80::1%eth0]", [("fe80::1%eth0", 9092)]),
        (" a_1:1, PLAINTEXT://10.0.0.2:2 ,b,", [("a_1", 1), ("10.0.0.2", 2), ("b", 9092)]),
    ],
)
def test_an_address_is_read_with_or_without_protocol_brackets_and_port(servers, found):
    assert addresses(servers) == found


@pytest.mark.parametrize(
    "servers",
    [
        *("", " , ", "kafka:", "kafka:abc", "kafka:0", "kafka:65536", ":9092", "::1", "[::1"),
        *("a:1;b:2", "a:1 b:2", "a:1,b:x", "SASL_SSL://", "a..b:1", "a" * 64, "ka\0fka", "kafká:1"),
    ],
)
def test_what_is_no_address_is_refused(servers):
    """With what one is, and without the text: it may be a secret in the wrong place."""
    with pytest.raises(ValueError, match=r"a server is `host:port`") as refused:
        addresses(servers)
    assert not servers.strip(" ,") or servers not in str(refused.value)
