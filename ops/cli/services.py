"""What a command may need of a stack."""

from enum import StrEnum


class Service(StrEnum):
    """What a command may need of a stack."""

    BROKER = "broker"
    DATABASE = "database"
