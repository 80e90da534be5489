"""What there is to resend: in bounded portions, and as text for a person."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from common.output import put_line
from common.settings import DatabaseSettings, KafkaSettings
from common.times import unix_ms
from db.connection import Connection, connect
from db.faults import reported
from db.ledger import next_offsets
from db.mend import resend as desk
from db.read.quarantine_desk import Selection
from ops.quarantine.batches import Portion, Resend, portion_of

_MOST_ENTRIES = 50_000
_MOST_BODY_BYTES = 16_000_000
_SHOWN = 50


@dataclass(frozen=True)
class ResendPlan:
    """What to resend; ``wait_seconds``: how long the consumer may take for a portion."""

    selection: Selection
    wait_seconds: float


def listed(counts: Counter[str]) -> str:
    """The counts as one line of text."""
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


def portions(connection: Connection, topic: str, plan: ResendPlan) -> Iterator[Portion]:
    """What there was to resend at the start, a bounded part at a time."""
    for partition, until in sorted(next_offsets(connection, topic).items()):
        after = (partition, -1)
        while sizes := desk.messages(connection, topic, plan.selection, after=after, until=until):
            chosen: list[desk.Place] = []
            entries = size = 0
            for message in sizes:
                entries, size = entries + message.entries, size + message.body_bytes
                if chosen and (entries > _MOST_ENTRIES or size > _MOST_BODY_BYTES):
                    break
                chosen.append(message.place)
            after = chosen[-1]
            yield portion_of(
                desk.open_entries(connection, topic, plan.selection, chosen),
                topic=topic,
                reason=plan.selection.reason,
                produced_at=unix_ms(),
            )


def show_plan(plan: ResendPlan, kafka: KafkaSettings, database: DatabaseSettings) -> None:
    """Prints what ``resend_entries`` would send; changes nothing."""
    left: Counter[str] = Counter()
    batches = entries = 0
    with connect(database) as connection, reported("look at the quarantine"):
        for portion in portions(connection, kafka.kafka_topic, plan):
            left += portion.left
            for resend in portion.resends:
                batches, entries = batches + 1, entries + len(resend.entries)
                if batches <= _SHOWN:
                    put_line(_described(resend))
    if batches > _SHOWN:
        put_line(f"... and {batches - _SHOWN} more batches")
    put_line(
        f"would send {entries} entries again in {batches} batches"
        f"{f'; would leave open: {listed(left)}' if left else ''}; nothing was changed"
    )


def _described(resend: Resend) -> str:
    first = resend.entries[0]
    place = f"{first.partition}@{first.offset}"
    if resend.original is not None:
        return f"{place}: the whole message ({first.reason})"
    reasons = Counter(entry.reason for entry in resend.entries)
    counted = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
    under_way = ", under way since an earlier run" if resend.is_claimed else ""
    return f"{place}: {len(resend.entries)} readings ({counted}){under_way}"
