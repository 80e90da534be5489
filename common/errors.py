"""The errors that a person may see, as one small tree.

    VitalsError
    ├── ConfigurationError   the settings or the machine must be changed first; never retried
    ├── UnavailableError     a service is unavailable for now; retried where a batch is held
    └── BadInputError        one file or message cannot be read; the rest continues

A message names the operation and the object; ``hint`` says what to do next. A bad *record* is not
an exception: it is a row with a reason (see ``schemas.reasons``).
"""

from functools import partial

from common.output import plain_lines


class VitalsError(Exception):
    """Base of all errors that a person sees as a message, not as a traceback."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        """``message``: the operation and its object; ``hint``: what to do next."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """The message, then an arrow and the hint; printable, whatever a name in it holds."""
        message = plain_lines(self.message)
        return f"{message}\n  -> {plain_lines(self.hint)}" if self.hint else message

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles with its hint: Spark carries errors from workers to the driver."""
        return partial(type(self), hint=self.hint), (self.message,)


class ConfigurationError(VitalsError):
    """Something must be set, installed or migrated first; trying again does not help."""

    exit_code = 2


class UnavailableError(VitalsError):
    """A service did not answer; the same call may work later."""

    exit_code = 3


class BadInputError(VitalsError):
    """One file, row or message cannot be used; it is reported and the rest continues."""

    exit_code = 4
