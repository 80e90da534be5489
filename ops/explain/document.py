"""A story as plain types, for scripts; the text for people is made from it."""

import math
from dataclasses import asdict
from typing import Any

from db.mapping import FOREVER_MS
from db.read.corrections import Correction, Side
from ops.explain.question import iso
from ops.explain.sighting import Sighting
from ops.explain.story import Story


def document(story: Story) -> dict[str, Any]:
    """What ``vitals explain --json`` prints; times are ISO 8601 in UTC, missing values null."""
    asked, around = story.question, story.around
    active = story.active_mapping
    return {
        "patient_id": asked.patient_id,
        "sensor": asked.sensor,
        "component": asked.component,
        "time": iso(asked.event_ms),
        "event_ms": asked.event_ms,
        "stands": story.stands,
        "exit_code": story.exit_code,
        "verdict": story.verdict,
        "registro": [asdict(row) for row in story.registro],
        "messages": [
            _message(sighting, is_standing=sighting is story.standing)
            for sighting in story.in_order()
        ],
        "known": {
            "patient_registered": around.is_registered,
            "mappings": [
                {
                    "mapping_id": mapping.mapping_id,
                    "from": iso(mapping.from_ms),
                    "until": None if mapping.until_ms == FOREVER_MS else iso(mapping.until_ms),
                    "active": mapping is active,
                }
                for mapping in around.mappings
            ],
            "committed_before": iso(around.before_ms),
            "committed_after": iso(around.after_ms),
            "corrections": [_correction(found) for found in around.corrections],
            "outbox_files": around.outbox_files,
            "lag_messages": around.lag_messages,
            "notes": around.notes,
        },
    }


def _correction(found: Correction) -> dict[str, Any]:
    return {
        "old": _side(found.old),
        "new": _side(found.new),
        "corrected": iso(found.corrected_ms),
        "undone": iso(found.undone_ms),
    }


def _side(side: Side) -> dict[str, Any]:
    values = asdict(side)
    received_ms = values.pop("received_ms")
    return {**values, "received": iso(received_ms)}


def _message(sighting: Sighting, *, is_standing: bool) -> dict[str, Any]:
    batch, judged = sighting.batch, sighting.judgement
    return {
        "fate": str(sighting.fate) + (", taken back by a person" if sighting.is_undone else ""),
        "stands": is_standing,
        "batch_id": sighting.batch_id,
        "series": sighting.series,
        "position": sighting.position,
        "producer_id": batch.producer_id if batch else None,
        "archive": [{"file": line.file, "line": line.line} for line in sighting.archive],
        "topic": _topic(sighting),
        "sent": judged and {"value": _number(judged.raw_value), "unit": judged.raw_unit},
        "accepted_value": _number(sighting.value),
        "rules": judged and [asdict(step) for step in judged.steps],
        "rules_note": sighting.judgement_note or None,
        "disagreement": sighting.disagreement,
        "trusted": _trusted(sighting),
        "quarantine": _quarantine(sighting),
        "ledger": _ledger(sighting),
        "repeated_at": [asdict(place) for place in sighting.repeats],
    }


def _topic(sighting: Sighting) -> dict[str, Any] | None:
    if sighting.place is None:
        return None
    place, message = asdict(sighting.place), sighting.message
    if message is None:
        return {**place, "missing": sighting.message_note or "not looked for"}
    return {
        **place,
        "taken": iso(message.timestamp_ms),
        "key": message.key,
        "schema": message.headers.get("schema"),
        "schema_version": message.schema_version,
        "fingerprint": message.fingerprint,
        "producer_id": message.headers.get("producer-id"),
    }


def _trusted(sighting: Sighting) -> dict[str, Any] | None:
    row = sighting.trusted
    if row is None:
        return {"missing": sighting.trusted_note} if sighting.trusted_note else None
    return {
        "file": row.file,
        "row": row.row,
        "rows": row.rows,
        "value": row.value,
        "unit": row.unit,
    }


def _quarantine(sighting: Sighting) -> dict[str, Any] | None:
    if sighting.entry is None:
        return None
    entry = sighting.entry.entry
    return {
        "reason": entry.reason,
        "detail": entry.detail,
        "state": entry.state,
        "value": entry.value,
        "unit": entry.unit,
        "resent_in": sighting.entry.resent_in,
    }


def _ledger(sighting: Sighting) -> dict[str, Any] | None:
    part = sighting.ledger
    if part is None:
        return None
    return {"first": part.first, "until": part.until, "committed": iso(part.committed_ms)}


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
