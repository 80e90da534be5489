"""What may go wrong with a fault."""

from common.errors import VitalsError


class NotNowError(VitalsError):
    """A fault has nothing to act on at this moment; a little later it may."""
