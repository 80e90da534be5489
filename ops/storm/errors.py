"""What may go wrong with a fault."""

from common.errors import VitalsError


class NotNowError(VitalsError):
    """A fault has nothing to act on right now; it may a little later."""
