"""What a comparison finds: words for people, codes for programs."""

import json

from ops.reconcile.findings import Finding, Remedy, Tally, counted
from ops.reconcile.proof import Proof


def test_findings_are_said_in_the_singular_and_the_plural():
    assert Tally(1, ["a"]).describe(Finding.LOST_BATCH) == (
        "1 published batch neither processed nor in the topic: a"
    )
    assert Tally(2, ["a", "b"]).describe(Finding.LOST_BATCH).startswith("2 published batches ")
    assert Tally(9, ["a", "b"]).describe(Finding.MISSING_ROW) == (
        "9 accepted readings missing from registro: a; b and 7 more"
    )
    assert Tally(3).describe(Finding.NOT_MARKED_UNMAPPED).endswith(" not marked as unmapped")
    assert [counted(n, "archived batch") for n in (0, 1)] == [
        "0 archived batches",
        "1 archived batch",
    ]


def test_every_finding_has_a_code_and_words_of_its_own():
    assert len({finding.code for finding in Finding}) == len(list(Finding))
    assert len({Tally(1).describe(finding) for finding in Finding}) == len(list(Finding))


def test_only_what_no_repair_fixes_is_for_a_person():
    proof = Proof()
    proof.find(Finding.MISSING_ROW, ["a"], 1)
    proof.find(Finding.UNEXPECTED_ROW, ["b"], 1)
    proof.find(Finding.UNREADABLE_ARCHIVE, [], 0)
    assert proof.beyond_repair == ["1 registro row without an accepted reading: b"]
    assert json.loads(json.dumps(proof.as_dict()))["finding_details"] == [
        {"code": "missing_row", "count": 1, "repair": str(Remedy.CORRECT)},
        {"code": "unexpected_row", "count": 1, "repair": None},
    ]
