"""Plausible Brazilian names for demo patients; the same for the same seed and patient."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Person:
    """An invented person; ``sex`` is ``F`` or ``M``."""

    name: str
    sex: str


def person(seed: int, patient_id: str) -> Person:
    """The invented person for a demo patient: one given name, one or two surnames."""
    digest = hashlib.blake2b(f"name:{seed}:{patient_id}".encode(), digest_size=16).digest()
    sex = "FM"[digest[0] & 1]
    names = _names()
    surnames = [_pick(names["surnames"], digest[5:9]), _pick(names["surnames"], digest[9:13])]
    if digest[0] & 6 == 0 or surnames[0].endswith(surnames[1]) or surnames[1].endswith(surnames[0]):
        surnames = surnames[:1]
    return Person(" ".join([_pick(names[sex], digest[1:5]), *surnames]), sex)


@cache
def _names() -> dict[str, list[str]]:
    text = files("db.schema").joinpath("names.json").read_text(encoding="utf-8")
    document = json.loads(text)
    return {kind: document[kind] for kind in ("F", "M", "surnames")}


def _pick(ordered: Sequence[str], four_bytes: bytes) -> str:
    # the smaller of two draws: the common names come first in the list, so they are drawn more often
    lower = min(int.from_bytes(four_bytes[:2]), int.from_bytes(four_bytes[2:]))
    return ordered[lower * len(ordered) >> 16]
