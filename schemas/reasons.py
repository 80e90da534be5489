"""Why a message, a series or a reading was not accepted: the values of ``motivo``."""

from enum import StrEnum


class Reason(StrEnum):
    """Grouped by what quarantine keeps: the whole message with its exact bytes, or one reading."""

    # the message
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    BAD_FRAME = "bad_frame"
    UNKNOWN_SCHEMA = "unknown_schema"
    UNDECODABLE = "undecodable"
    INVALID_BATCH = "invalid_batch"
    UNAUTHENTIC = "unauthentic"
    CONFLICTING = "conflicting"
    # the reading, by its series
    UNKNOWN_SENSOR = "unknown_sensor"
    UNKNOWN_COMPONENT = "unknown_component"
    UNKNOWN_UNIT = "unknown_unit"
    INVALID_TIME = "invalid_time"
    # the reading, by its value
    MISSING = "missing"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    PRESSURE_INVERTED = "pressure_inverted"
    FUTURE_TIMESTAMP = "future_timestamp"
    # the reading or the message, for a cause that no rule foresees
    REFUSED_BY_DATABASE = "refused_by_database"
    # it passed the rules, but a value that was made known later is stored already
    OVERTAKEN = "overtaken"
    # accepted, but no mapping covers it yet
    UNMAPPED = "unmapped"


OF_MESSAGES = (
    Reason.EMPTY,
    Reason.TOO_LARGE,
    Reason.BAD_FRAME,
    Reason.UNKNOWN_SCHEMA,
    Reason.UNDECODABLE,
    Reason.INVALID_BATCH,
    Reason.UNAUTHENTIC,
    Reason.CONFLICTING,
    Reason.REFUSED_BY_DATABASE,
)
"""The reasons for which a whole message may be kept."""

OF_ORIGIN = (Reason.UNAUTHENTIC, Reason.CONFLICTING)
"""The message can be read, and it is doubtful who sent it: nothing that it says may count."""
