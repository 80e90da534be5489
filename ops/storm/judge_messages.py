"""Unreadable messages: each is in quarantine whole, once, and copied to the dead-letter topic."""

from collections import Counter
from collections.abc import Sequence

from ops.storm.found import Found, Letter
from ops.storm.injected import Poison
from ops.storm.verdict import Verdict
from schemas.reasons import Reason


def judge_messages(verdict: Verdict, poison: Sequence[Poison], found: Found) -> None:
    """Notes what is missing, there twice, altered or too much."""
    verdict.refused_messages = len(found.refused)
    sent = {(message.partition, message.offset): (message.key, message.body) for message in poison}
    kept = Counter((partition, offset) for partition, offset, _, _ in found.refused)
    verdict.demand(sorted(sent.keys() - kept.keys()), "unreadable messages are not in quarantine")
    verdict.demand(sorted(kept.keys() - sent.keys()), "readable messages were refused")
    twice = [place for place, count in kept.items() if count > 1]
    verdict.demand(twice, "refused messages are in quarantine twice")
    other = [
        (partition, offset)
        for partition, offset, key, body in found.refused
        if sent.get((partition, offset), (key, body)) != (key, body)
    ]
    verdict.demand(other, "refused messages are in quarantine with other bytes")
    copied = found.dead_letters
    uncopied = sorted(sent.keys() - copied.keys())
    verdict.demand(uncopied, "unreadable messages are not in the dead-letter topic")
    verdict.demand(sorted(copied.keys() - sent.keys()), "dead letters are there that must not be")
    changed = [
        (message.partition, message.offset)
        for message in poison
        for letter in copied.get((message.partition, message.offset), ())
        if not _is_copy(letter, message, found.topic.name)
    ]
    verdict.demand(sorted(changed), "dead letters are there with other bytes or headers")


def _is_copy(letter: Letter, message: Poison, topic: str) -> bool:
    """Whether it is the message with its headers, and says where that was and why it was refused."""
    kept = tuple((name, value.decode()) for name, value in message.headers)
    said = dict(letter.headers[len(kept) :])
    place = (topic, str(message.partition), str(message.offset))
    return (
        (letter.key, letter.body) == (message.key, message.body)
        and letter.headers[: len(kept)] == kept
        and tuple(said.get(f"dlq-{name}") for name in ("topic", "partition", "offset")) == place
        and said.get("dlq-reason") in set(Reason)
    )
