"""What may go wrong with a fault."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import UnavailableError, VitalsError
from db.faults import reported


class NotNowError(VitalsError):
    """A fault has nothing to act on right now; it may a little later."""


@contextmanager
def not_now_without_database() -> Iterator[None]:
    """For statements of a fault: another fault may end their session, or hold their locks.

    Raises NotNowError where the database is away or busy.
    """
    try:
        with reported("inject a fault"):
            yield
    except UnavailableError as error:
        raise NotNowError("the database is away or busy") from error
