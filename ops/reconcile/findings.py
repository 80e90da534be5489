"""What a comparison can find, its wording, and the repair for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum


class Remedy(StrEnum):
    """What ``vitals reconcile --repair`` does about a finding."""

    CORRECT = "correct registro from the trusted files"
    REPROCESS = "process the range again"
    REPUBLISH = "publish the archived batches again"
    SET_ASIDE = "set the files aside"
    COPY = "copy the messages from quarantine"


class Finding(Enum):
    """A noun, what is wrong with it, and its remedy; None: a person has to look."""

    NO_OUTCOME = "produced reading", "without an outcome", Remedy.REPROCESS
    SEVERAL_OUTCOMES = "reading", "with more than one outcome", Remedy.REPROCESS
    ALTERED_OUTCOME = (
        "reading",
        "whose outcome is not what the archive and the cleaning rules give",
        Remedy.REPROCESS,
    )
    NOT_ARCHIVED = "reading", "in no archive file, and not in the topic", None
    NOT_PROCESSED = "reading", "with an outcome from a batch not recorded as processed", None
    LOST_BATCH = "published batch", "neither processed nor in the topic", Remedy.REPUBLISH
    BATCH_NOT_ARCHIVED = "processed batch", "in no archive file, and not in the topic", None
    NOT_MARKED_UNMAPPED = "accepted reading", "without a mapping and not marked as unmapped", None
    MISSING_ROW = "accepted reading", "missing from registro", Remedy.CORRECT
    ALTERED_ROW = "registro row", "with another value than the trusted files", Remedy.CORRECT
    UNEXPECTED_ROW = "registro row", "without an accepted reading", None
    UNREADABLE_ARCHIVE = "archive file", "that cannot be read", None
    UNREADABLE_TRUSTED = "trusted file", "that cannot be read", Remedy.REPROCESS
    UNKNOWN_TRUSTED = "trusted file", "not in the ledger (duplicate readings)", Remedy.SET_ASIDE
    NO_DEAD_LETTER = "refused message", "without its dead letter", Remedy.COPY
    ALTERED_DEAD_LETTER = "dead letter", "other than the message in quarantine", None
    STRAY_DEAD_LETTER = "dead letter", "of no message in quarantine", None

    def __init__(self, noun: str, state: str, remedy: Remedy | None) -> None:
        """See the class."""
        self.noun, self.state, self.remedy = noun, state, remedy

    @property
    def code(self) -> str:
        """Its stable name, for programs."""
        return self.name.lower()


@dataclass
class Tally:
    """How often something was found, and the names of the first ones."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def describe(self, finding: Finding) -> str:
        """The finding as text: how many, what, and which."""
        what = f"{counted(self.count, finding.noun)} {finding.state}"
        return f"{what}: {listed(self.names, self.count)}" if self.names else what


def listed(names: Sequence[str], count: int) -> str:
    """The first names, and how many of ``count`` there are besides."""
    more = count - len(names)
    return "; ".join(names) + (f" and {more} more" if more else "")


def counted(count: int, noun: str) -> str:
    """As ``1 row``, ``2 rows`` and ``2 batches``."""
    ending = "" if count == 1 else "es" if noun.endswith("ch") else "s"
    return f"{count} {noun}{ending}"
