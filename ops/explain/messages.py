"""What the topic holds of a reading: its messages, repeated ones, and uncommitted ones."""

from collections.abc import Mapping, Sequence

from db.ledger import LedgerRow
from db.moments import epoch_ms
from db.read.quarantine_desk import WholeEntry
from db.read.traces import Place
from db.write.quarantine import headers_of
from ops.explain.question import Question
from ops.explain.sighting import Sighting, Sightings
from ops.explain.story import Surroundings
from ops.look.messages import SeenMessage, TopicLook, header_texts


def find_messages(topic: TopicLook, sightings: Sightings) -> None:
    """Fetches the message of every sighting that has a place."""
    seen: dict[Place, SeenMessage | str] = {}
    for sighting in sightings.placed.values():
        place = sighting.place
        if place is None or sighting.message is not None:
            continue
        if place not in seen:
            seen[place] = topic.at(place)
        found = seen[place]
        if isinstance(found, str):
            sighting.message_note = found
            continue
        batch = found.batch
        if sighting.batch_id and (batch is None or batch.batch_id != sighting.batch_id):
            sighting.message_note = "another message is at that offset: the topic was recreated"
            continue
        sighting.message = found
        sighting.batch_id = batch.batch_id if batch else None


def find_uncommitted(
    topic: TopicLook,
    name: str,
    next_offsets: Mapping[int, int],
    question: Question,
    sightings: Sightings,
    around: Surroundings,
) -> None:
    """Searches the uncommitted messages for the reading, and counts the lag."""
    around.lag_messages = 0
    for partition in topic.partitions(name):
        first = next_offsets.get(partition, 0)
        begin, until = topic.span(name, partition)
        if 0 < first < begin:
            around.notes.append(
                f"retention removed offsets {first} to {begin - 1} of partition {partition} before"
                " the consumer read them: `vitals reconcile` names what was in them"
            )
        for message in topic.between(name, partition, first, until):
            around.lag_messages += 1
            _note_uncommitted(message, question, sightings)


def find_repeats(
    topic: TopicLook, ranges: Sequence[LedgerRow], sightings: Sequence[Sighting]
) -> None:
    """Searches the ranges with repeated batches for those of the sightings."""
    wanted = [
        (sighting.batch_id.encode(), sighting)
        for sighting in sightings
        if sighting.batch_id and sighting.place
    ]
    for part in ranges if wanted else ():
        for message in topic.between(part.topic, part.partition, part.first, part.until):
            for batch_id, sighting in wanted:
                if batch_id in message.body and message.place != sighting.place:
                    sighting.repeats.append(message.place)


def kept_message(whole: WholeEntry) -> SeenMessage | None:
    """The message of an entry that quarantine keeps whole."""
    entry = whole.entry
    if entry.received_at is None:
        return None
    return SeenMessage(
        place=Place(entry.topic, entry.partition, entry.offset),
        key=None if whole.key is None else bytes(whole.key).decode(errors="replace"),
        headers=header_texts(headers_of(whole.headers)),
        body=bytes(whole.body or b""),
        timestamp_ms=epoch_ms(entry.received_at),
    )


def _note_uncommitted(message: SeenMessage, question: Question, sightings: Sightings) -> None:
    # Avro stores text as plain bytes: messages of other patients are skipped without decoding
    if question.patient_id.encode() not in message.body or (batch := message.batch) is None:
        return
    taken = [seen for seen in sightings.placed.values() if seen.batch_id == batch.batch_id]
    for series, position in question.positions(batch):
        known = [seen for seen in taken if (seen.series, seen.position) == (series, position)]
        if known:
            known[0].repeats.append(message.place)
            continue
        sightings.settle(batch.batch_id, message.place)
        sighting = sightings.at(message.place, series, position)
        sighting.batch_id, sighting.message = batch.batch_id, message
        sighting.is_uncommitted = True
