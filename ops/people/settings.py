"""How long it is known who looked."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

from common.settings import Settings


class LooksSettings(Settings):
    """What is kept in ``acesso``."""

    looks_retention_days: Annotated[int, Field(ge=1, le=36_500)] = 2_190
    """How long rows of `acesso` are kept: six years. Each start, and `vitals users prune`, deletes older ones."""

    def oldest_look(self) -> datetime:
        """Rows before this time (UTC without a zone) are deleted."""
        now = datetime.now(UTC).replace(tzinfo=None)
        return now - timedelta(days=self.looks_retention_days)
