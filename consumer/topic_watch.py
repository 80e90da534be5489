"""Whether the topic is still the one that we began to read.

A topic that was deleted and made again, and has outgrown the old offsets, is read on from them without
a word.
"""

import structlog

from common.errors import ConfigurationError, UnavailableError
from consumer.offsets import GroupOffsets, MadeAnewError

_log = structlog.get_logger()


class TopicWatch:
    """Remembers the topic's id as of the first look, which the start has held against the ledger."""

    def __init__(self, offsets: GroupOffsets) -> None:
        """Asks nobody yet."""
        self._offsets = offsets
        self._known: str | None = None

    def require_same_topic(self) -> None:
        """Raises MadeAnewError where it is another topic; a few milliseconds.

        A broker that is away, or has no such topic just now, is no answer: whatever reads the topic
        next will say so.
        """
        try:
            self._offsets.require_topic(self._identity)
        except MadeAnewError:
            raise
        except (ConfigurationError, UnavailableError) as error:
            _log.warning("topic_not_found", why=error.message)

    def _identity(self, found: str) -> str:
        self._known = self._known or found
        return self._known
