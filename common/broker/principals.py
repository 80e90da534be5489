"""Who reaches the broker. What each may do there is `common.broker.rights`."""

from enum import StrEnum


class Principal(StrEnum):
    """A login at the broker."""

    BROKER = "broker"
    ADMIN = "admin"
    PRODUCER = "producer"
    CONSUMER = "consumer"
    READER = "reader"
    GATEWAY = "gateway"


ALL_POWERFUL = (Principal.BROKER, Principal.ADMIN)
"""The broker's ``super.users``: nothing is refused to them."""


RESTRICTED = tuple(principal for principal in Principal if principal not in ALL_POWERFUL)
