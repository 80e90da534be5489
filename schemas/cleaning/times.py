"""Which times a reading may have."""

FIRST_TIME_MS = -30_610_224_000_000
LAST_TIME_MS = 253_402_300_799_999
"""1000-01-01 and the last millisecond of 9999 (UTC): what a DATETIME column can hold."""

FUTURE_TOLERANCE_MS = 300_000
"""How far a reading may be ahead of its message (a clock that is minutes fast)."""
