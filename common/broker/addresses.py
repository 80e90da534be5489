"""Where brokers listen, as settings name them: the one reader of `host:port`."""

import re

Address = tuple[str, int]
"""Host and port."""

_KAFKA_PORT = 9092
_LAST_PORT = 65_535
# what Kafka's Java clients take; no part of a name is longer than a resolver takes
_SERVER = re.compile(
    r"(\w+://)?(?P<host>\[[\w:%]{2,60}\]|[\w-]{1,63}(\.[\w-]{1,63})*\.?)(:(?P<port>\d{1,5}))?",
    re.ASCII,
)
_FORM = (
    "a server is `host:port`, an IPv6 address in brackets; several servers are separated by commas"
)


def addresses(servers: str) -> list[Address]:
    """The address of each server in a list separated by commas.

    A protocol such as ``SASL_SSL://`` is left out: another setting says it. Without a port it is Kafka's
    own. Raises ValueError for anything else, and for a list without a server.
    """
    found = [_address(text.strip()) for text in servers.split(",") if text.strip()]
    if not found:
        raise ValueError(_FORM)
    return found


def _address(text: str) -> Address:
    if found := _SERVER.fullmatch(text):
        port = int(found["port"] or _KAFKA_PORT)
        if 0 < port <= _LAST_PORT:
            return found["host"].strip("[]"), port
    raise ValueError(_FORM)
