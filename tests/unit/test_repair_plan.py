"""What a repair would do: everything comes again in its old order, and nothing without need."""

import dataclasses
import math

import numpy as np
import pytest

from ops.reconcile.old_order import in_old_order, old_order, rising
from ops.reconcile.plan import overlapping, plan_repair, with_overlapping
from tests.builders import NOW, PATIENT, batch, ledger_row, series
from tests.reconciled import TOPIC, MemoryEvidence

HOUR = 3_600_000
LEDGER = [ledger_row(range(number, number + 1), committed_ms=1000 * number) for number in range(8)]
"""Range number n was committed n seconds after 1970."""


def made(name, values=(100.0,), *, at=NOW, produced=NOW, patient_id=PATIENT):
    run = series("glicose", values, start=at)
    whole = batch(run, identity=name, patient_id=patient_id)
    return dataclasses.replace(whole, window_start=at, produced_at=produced)


def plan(world):
    return plan_repair(world.compare(), MemoryEvidence(world))


def published(repair):
    return [batch.batch_id for batch in repair.publish]


def delete_trusted(world, number):
    for name in world.ranges[number].files:
        (world.folder / "trusted" / name).unlink()


def test_nothing_is_planned_if_all_is_well(world):
    world.archive(made("a"))
    world.take(made("a"))
    found = plan(world)
    assert found.is_empty
    assert list(found.lines()) == []
    assert found.hopeless == []


def test_rows_come_from_the_trusted_files_unchanged(world):
    world.archive(made("a", [101.0, 102.0, 103.0]))
    world.take(made("a", [101.0, 102.0, 103.0]))
    del world.registro[1, "valor", NOW]
    world.registro[1, "valor", NOW + 1000] = 7
    found = plan(world)
    rows = {row["event_ms"]: (row["thousandths"], row["found"]) for row in found.rows.to_pylist()}
    assert rows == {NOW: (101_000, None), NOW + 1000: (102_000, 7)}
    assert (found.retake, found.publish) == ([], [])
    first, second = found.lines()
    assert first.startswith("add 1 missing registro row: paciente_sensor 1 valor at 2026")
    assert second.startswith("correct 1 registro row: ")


def test_a_range_whose_file_is_missing_is_processed_again_as_a_whole(world):
    batches = [made("a"), made("b", at=NOW + HOUR), made("c", at=NOW + 2 * HOUR)]
    world.archive(*batches)
    world.take(*batches[:2])
    world.take(batches[2])
    world.received = {"b": NOW + 77}
    (world.folder / "trusted" / world.ranges[0].files[0]).unlink()
    found = plan(world)
    assert [(part.first, part.until, ids) for part, ids in found.retake] == [(0, 2, ["a", "b"])]
    assert [(batch.batch_id, batch.first_taken_ms) for batch in found.publish] == [
        ("a", NOW),
        ("b", NOW + 77),
    ]
    assert len(found.rows) == 0


def test_a_lost_batch_comes_again_as_of_when_it_was_made(world):
    world.archive(made("a"))
    found = plan(world)
    assert [(batch.batch_id, batch.first_taken_ms) for batch in found.publish] == [("a", None)]
    assert found.readings == 1
    assert found.publish[0].path.exists()


def test_what_waits_or_is_in_the_topic_is_not_published_again(world):
    world.archive(made("a"), finished=False)
    world.archive(made("b"), name="p2")
    world.rest.add("b")
    assert plan(world).is_empty


def test_a_correction_comes_again_after_what_it_corrects(world):
    """Otherwise the lost batch would come last and win; the correction's range comes as a whole."""
    lost = made("lost", [101.0], produced=NOW)
    correction = made("correction", [102.0], produced=NOW + 1)
    neighbour = made("neighbour", at=NOW + HOUR, produced=NOW + 2)
    apart = made("apart", at=NOW + 5 * HOUR, produced=NOW + 3)
    world.archive(lost, correction, neighbour, apart)
    world.take(correction, neighbour)
    world.take(apart)
    found = plan(world)
    assert published(found) == ["lost", "correction", "neighbour"]
    assert [ids for _, ids in found.retake] == [["correction", "neighbour"]]


def test_another_patient_of_the_same_time_is_left_alone(world):
    other = made("other", [math.nan], patient_id="demo-000002")
    world.archive(made("lost"), other)
    world.take(other, rejected=[("other", 0, 0)])
    assert published(plan(world)) == ["lost"]


def test_a_range_with_a_batch_that_is_not_archived_is_left_alone(world):
    """Forgetting it would lose the batch for good; what it corrects does not come again either."""
    world.archive(made("a", [101.0]), made("lost", [102.0]))
    world.take(made("a", [101.0]), made("unknown", at=NOW + HOUR))
    delete_trusted(world, 0)
    found = plan(world)
    assert (found.retake, found.publish) == ([], [])
    assert "its batch unknown is in no archive file" in found.hopeless[0]


def test_what_a_batch_under_way_replaces_waits_until_that_is_processed(world):
    """Its offset is already fixed: published now, the older one would come after it and win."""
    world.archive(made("spoilt"), made("lost", at=NOW + HOUR, produced=NOW + 1))
    world.archive(
        made("new", produced=NOW + 2),
        made("newer", at=NOW + HOUR, produced=NOW + 2),
        made("free", at=NOW + 2 * HOUR, produced=NOW + 2),
    )
    world.take(made("spoilt"))
    delete_trusted(world, 0)
    world.rest |= {"new", "newer", "free"}
    found = plan(world)
    assert (found.retake, found.publish) == ([], [])
    assert any("1 lost batch must wait: " in reason for reason in found.hopeless)
    assert any(
        "cannot be processed again: batches of the same patient" in reason
        for reason in found.hopeless
    )
    world.rest.clear()
    for name, at in (("new", 0), ("newer", HOUR), ("free", 2 * HOUR)):
        world.take(made(name, at=NOW + at))
    assert published(plan(world)) == ["spoilt", "lost", "new", "newer"]


def test_quarantine_rows_at_the_wrong_place_go_with_their_range(world):
    world.archive(made("a", [math.nan]))
    world.take(made("a", [math.nan]), rejected=[("a", 0, 0)])
    world.quarantined.append(("a", 0, 0))
    world.strays = [("a", (TOPIC, 0, 99, 0, 0))]
    found = plan(world)
    assert found.strays == {"a": [(TOPIC, 0, 99, 0, 0)]}
    assert [ids for _, ids in found.retake] == [["a"]]


def test_a_row_without_a_reading_is_beyond_repair(world):
    world.registro[1, "valor", NOW] = 1
    found = plan(world)
    assert found.is_empty
    assert found.hopeless[0].startswith("1 registro row without an accepted reading")


def test_a_value_that_a_lost_file_may_explain_is_not_corrected(world):
    """The newer value's file is gone: the older one must not be written over it."""
    world.archive(made("old", [101.0]), made("new", [102.0], produced=NOW + 1))
    world.take(made("old", [101.0]))
    world.take(made("new", [102.0], produced=NOW + 1))
    delete_trusted(world, 1)
    found = plan(world)
    assert len(found.rows) == 0
    assert published(found) == ["old", "new"]


def test_overlap_is_found_through_a_chain_and_only_for_the_same_patient():
    patient = np.array([0, 0, 0, 1, 0])
    first = np.array([0, 8, 19, 0, 40])
    last = np.array([10, 20, 30, 100, 50])
    range_of = np.array([-1, 0, 1, 2, 3])
    chosen = np.array([True, False, False, False, False])
    assert list(overlapping(chosen, patient, first, last)) == [True, True, False, False, False]
    found = with_overlapping(chosen, range_of, patient, first, last)
    assert list(found) == [True, True, True, False, False]


def test_an_unprocessed_batch_is_not_included_because_it_overlaps():
    """It is in the outbox or the topic, and will come anyway, later than all of these."""
    found = with_overlapping(
        np.array([True, False]), np.array([3, -1]), *(np.zeros(2, np.int64) for _ in range(3))
    )
    assert list(found) == [True, False]


def test_the_old_order_is_by_offset_or_else_by_when_batches_were_made():
    """The second was made first but waited in an outbox: its offset counts."""
    range_of, offset = np.array([0, 0, -1, 0]), np.array([5, 6, -1, 7])
    produced, patient = np.array([20, 10, 15, 30]), np.zeros(4, np.int64)
    ordered = sort(range_of, offset, produced, patient, {})
    assert list(ordered) == [2, 0, 1, 3]


def test_the_old_order_of_a_patient_is_that_of_the_commits_over_all_partitions():
    """The first came through an added partition, with a low offset; another patient does not count."""
    range_of, offset = np.array([7, 3, 1, -1]), np.array([0, 900, 5, -1])
    produced, patient = np.array([10, 20, 99, 30]), np.array([0, 0, 1, 0])
    ordered = sort(range_of, offset, produced, patient, {})
    assert list(ordered) == [1, 0, 3, 2]


def test_a_batch_that_came_late_has_its_old_place_where_its_values_were_made_known():
    """The first, known since 2.5 s, was committed after its corrections of 3 and 4 s; not the second."""
    range_of, zeros = np.array([7, 6, 2, 3, 4]), np.zeros(5, np.int64)
    assert list(sort(range_of, zeros, zeros, zeros, {0: 2_500, 1: 9_000})) == [2, 0, 3, 4, 1]


def test_of_two_late_batches_the_one_that_was_known_first_is_the_older_one():
    range_of, zeros = np.array([7, 6, 3]), np.zeros(3, np.int64)
    assert list(sort(range_of, zeros, zeros, zeros, {0: 2_700, 1: 2_500})) == [1, 0, 2]


@pytest.mark.parametrize(
    ("until_ms", "ages"),
    [
        (9_000, [4_000, 5_000, 5_001, 6_000]),
        (5_500, [4_000, 5_000, 5_001, 5_500]),
        (4_002, [3_999, 4_000, 4_001, 4_002]),
    ],
)
def test_what_is_published_again_is_as_old_as_it_was_and_keeps_its_order(until_ms, ages):
    """The second was never processed, but lies between the first and the third. None has another's age."""
    range_of, zeros = np.array([5, -1, 6, 6]), np.zeros(4, np.int64)
    order = old_order(range_of, zeros, np.array([1, 2, 3, 4]), LEDGER, {3: 4_000})
    assert list(order.known_ms) == [5_000, 2, 6_000, 4_000]
    numbers, patient = np.array([3, 0, 1, 2]), np.zeros(4, np.int64)
    assert list(rising(numbers, order.known_ms, patient, until_ms=until_ms)) == ages
    # another patient's readings have an order of their own
    patient[1] = 1
    found = rising(numbers, order.known_ms, patient, until_ms=9_000)
    assert list(found) == [4_000, 5_000, 2, 6_000]


def sort(range_of, offset, produced, patient, said):
    order = old_order(range_of, offset, produced, LEDGER, said)
    return in_old_order(np.arange(len(range_of)), order.places, produced, patient)
