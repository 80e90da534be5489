"""A story as lines for people."""

from collections.abc import Iterator
from typing import Any

from schemas.catalogue import COMPONENTLESS

_LABEL = 11
_RULE = 26


def lines(document: dict[str, Any]) -> Iterator[str]:
    """The lines for a document of ``ops.explain.document``: the verdict first."""
    component = (
        f" {document['component']}" if document["component"] not in (None, COMPONENTLESS) else ""
    )
    yield f"{document['sensor']}{component} of {document['patient_id']} at {document['time']}"
    yield document["verdict"]
    messages = document["messages"]
    for number, message in enumerate(messages, start=1):
        yield ""
        stands = ": this one counts" if message["stands"] else ""
        yield f"message {number} of {len(messages)}: {message['fate']}{stands}"
        yield from (f"  {name:<{_LABEL}}{text}" for name, text in _message(message, document))
    yield ""
    yield "what else is known"
    yield from (f"  {line}" for line in _known(document["known"]))


def _message(message: dict[str, Any], document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "producer", message["producer_id"] or "no longer known"
    for held in message["archive"] or [None]:
        yield "archive", f"{held['file']}, line {held['line']}" if held else "in no file"
    yield from _topic(message)
    reading = f"series {message['series']}, position {message['position']}"
    yield "batch", f"{message['batch_id']}, {reading}"
    if sent := message["sent"]:
        value = "nothing" if sent["value"] is None else f"{sent['value']:.12g}"
        yield "sent", f"{value} {sent['unit']}"
    yield from _rules(message)
    if message["disagreement"]:
        yield "BUT", message["disagreement"]
    yield from _outcome(message, document)
    for place in message["repeated_at"]:
        yield "repeated", f"{_place(place)}: had no effect"


def _topic(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    topic = message["topic"]
    if topic is None:
        yield "topic", "not there"
        return
    if "missing" in topic:
        yield "topic", f"{_place(topic)}: {topic['missing']}"
        return
    yield "topic", f"{_place(topic)}, taken {topic['taken']}, key {topic['key']}"
    version = topic["schema_version"]
    said = f"version {version}" if version else "of no known version"
    yield "schema", f"{topic['schema'] or 'not named'} {said}, fingerprint {topic['fingerprint']}"


def _rules(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if message["rules_note"]:
        yield "rules", message["rules_note"]
    for number, step in enumerate(message["rules"] or (), start=1):
        label = "rules" if number == 1 and not message["rules_note"] else ""
        mark = {"passed": "ok", "failed": "FAILED", "not asked": "-"}[step["outcome"]]
        arrow = f"{step['before']} -> {step['after']}" if step["after"] else step["before"]
        detail = "" if step["outcome"] == "not asked" else arrow
        why = f" [{step['reason']}]" if step["outcome"] == "failed" else ""
        yield label, f"{mark:<7}{step['rule']:<{_RULE}}{detail}{why}".rstrip()


def _outcome(message: dict[str, Any], document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    trusted, entry, ledger = message["trusted"], message["quarantine"], message["ledger"]
    if trusted and "missing" in trusted:
        yield "trusted", trusted["missing"]
    elif trusted:
        row = f"{trusted['file']}, row {trusted['row']} of {trusted['rows']}"
        yield "trusted", f"{row}: {trusted['value']:.12g} {trusted['unit']}"
    if entry:
        detail = f" ({entry['detail']})" if entry["detail"] else ""
        again = f", sent again in batch {entry['resent_in']}" if entry["resent_in"] else ""
        yield "quarantine", f"{entry['reason']}{detail}, {entry['state']}{again}"
    if ledger:
        span = f"offsets {ledger['first']} to {ledger['until'] - 1}"
        yield "ledger", f"{span}, committed {ledger['committed']}"
    if message["stands"]:
        for row in document["registro"]:
            key = f"mapping {row['mapping_id']}, {row['component']}, {document['time']}"
            yield "registro", f"{key}: {row['value']:.12g}"
        if not document["registro"]:
            yield "registro", "no such row"


def _known(known: dict[str, Any]) -> Iterator[str]:
    yield f"the patient is {'' if known['patient_registered'] else 'not '}registered"
    if not known["mappings"]:
        yield "no mapping says that the patient wears this sensor"
    for mapping in known["mappings"]:
        end = f"until {mapping['until']}" if mapping["until"] else "on"
        is_active = "active then" if mapping["active"] else "not active then"
        yield f"mapping {mapping['mapping_id']} from {mapping['from']} {end}: {is_active}"
    before, after = known["committed_before"], known["committed_after"]
    yield f"next to it in registro: before {before or 'none'}, after {after or 'none'}"
    for found in known["corrections"]:
        old, new = _side(found["old"]), _side(found["new"])
        undone = f", taken back {found['undone']}" if found["undone"] else ""
        yield f"{old} was overwritten by {new}, committed {found['corrected']}{undone}"
    if known["lag_messages"] is not None:
        yield f"in the topic and not committed: {known['lag_messages']:,} messages"
    yield f"files in the outbox: {known['outbox_files']:,}"
    yield from known["notes"]


def _side(side: dict[str, Any]) -> str:
    origin = "of a message that is not known"
    if side["batch_id"] is not None:
        origin = f"batch {side['batch_id']}, {_place(side)}, taken {side['received']}"
    return f"{side['value']:.12g} ({origin})"


def _place(place: dict[str, Any]) -> str:
    return f"{place['topic']} {place['partition']}@{place['offset']}"
