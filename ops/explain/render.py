"""A story as lines for people."""

from collections.abc import Iterator
from typing import Any

_LABEL = 11
_RULE = 26


def lines(document: dict[str, Any]) -> Iterator[str]:
    """The lines of what ``ops.explain.document`` made: the verdict first."""
    component = f" {document['component']}" if document["component"] not in (None, "valor") else ""
    yield f"{document['sensor']}{component} of {document['patient_id']} at {document['time']}"
    yield document["verdict"]
    messages = document["messages"]
    for number, each in enumerate(messages, start=1):
        yield ""
        stands = ": this one stands" if each["stands"] else ""
        yield f"message {number} of {len(messages)}: {each['fate']}{stands}"
        yield from (f"  {name:<{_LABEL}}{text}" for name, text in _message(each, document))
    yield ""
    yield "what else is known"
    yield from (f"  {line}" for line in _known(document["known"]))


def _message(each: dict[str, Any], document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "producer", each["producer_id"] or "not known any more"
    for held in each["archive"] or [None]:
        yield "archive", f"{held['file']}, line {held['line']}" if held else "no file has it"
    yield from _topic(each)
    yield "batch", f"{each['batch_id']}, series {each['series']}, position {each['position']}"
    if each["sent"]:
        value = "nothing" if each["sent"]["value"] is None else f"{each['sent']['value']:.12g}"
        yield "sent", f"{value} {each['sent']['unit']}"
    yield from _rules(each)
    if each["disagreement"]:
        yield "BUT", each["disagreement"]
    yield from _outcome(each, document)
    for place in each["repeated_at"]:
        yield "repeated", f"{_place(place)}: had no effect"


def _topic(each: dict[str, Any]) -> Iterator[tuple[str, str]]:
    topic = each["topic"]
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


def _rules(each: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if each["rules_note"]:
        yield "rules", each["rules_note"]
    for number, step in enumerate(each["rules"] or (), start=1):
        label = "rules" if number == 1 and not each["rules_note"] else ""
        mark = {"passed": "ok", "failed": "FAILED", "not asked": "-"}[step["outcome"]]
        arrow = f"{step['before']} -> {step['after']}" if step["after"] else step["before"]
        detail = "" if step["outcome"] == "not asked" else arrow
        why = f" [{step['reason']}]" if step["outcome"] == "failed" else ""
        yield label, f"{mark:<7}{step['rule']:<{_RULE}}{detail}{why}".rstrip()


def _outcome(each: dict[str, Any], document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    trusted, entry, ledger = each["trusted"], each["quarantine"], each["ledger"]
    if trusted:
        yield (
            "trusted",
            trusted.get("missing")
            or (
                f"{trusted['file']}, row {trusted['row']} of {trusted['rows']}:"
                f" {trusted['value']:.12g} {trusted['unit']}"
            ),
        )
    if entry:
        detail = f" ({entry['detail']})" if entry["detail"] else ""
        again = f", sent again in batch {entry['resent_in']}" if entry["resent_in"] else ""
        yield "quarantine", f"{entry['reason']}{detail}, {entry['state']}{again}"
    if ledger:
        span = f"offsets {ledger['first']} to {ledger['until'] - 1}"
        yield "ledger", f"{span}, committed {ledger['committed']}"
    if each["stands"]:
        for row in document["registro"] or [None]:
            yield (
                "registro",
                f"mapping {row['mapping_id']}, {row['component']}, {document['time']}:"
                f" {row['value']:.12g}"
                if row
                else "no such row",
            )


def _known(known: dict[str, Any]) -> Iterator[str]:
    yield f"the patient is {'' if known['patient_registered'] else 'not '}registered"
    if not known["mappings"]:
        yield "no mapping says that the patient wears this sensor"
    for each in known["mappings"]:
        end = f"until {each['until']}" if each["until"] else "on"
        is_active = "active then" if each["active"] else "not active then"
        yield f"mapping {each['mapping_id']} from {each['from']} {end}: {is_active}"
    before, after = known["committed_before"], known["committed_after"]
    yield f"next to it in registro: before {before or 'none'}, after {after or 'none'}"
    if known["lag_messages"] is not None:
        yield f"in the topic and not committed: {known['lag_messages']:,} messages"
    yield f"files in the outbox: {known['outbox_files']:,}"
    yield from known["notes"]


def _place(place: dict[str, Any]) -> str:
    return f"{place['topic']} {place['partition']}@{place['offset']}"
