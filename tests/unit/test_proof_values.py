"""Values, times and reasons: what is there must be what the archive says, read by the same rules."""

import dataclasses

import pytest

from db.read.quarantined import SETTLED
from ops.reconcile.findings import Finding
from ops.reconcile.plan import plan_repair
from tests.builders import NOW, PATIENT, batch, series
from tests.reconciled import BATCH, MemoryEvidence, other

ID = BATCH.batch_id


def told_otherwise(batch, **fields):
    """The same batch, but its first series is another one."""
    first, *others = batch.series
    return dataclasses.replace(batch, series=(_changed(first, **fields), *others))


def _changed(run, **fields):
    return series(run.sensor, run.values, **{"start": run.start, "unit": run.unit, **fields})


@pytest.mark.parametrize(
    "wrong",
    [
        dataclasses.replace(
            BATCH, series=(series("glicose", [100.0, 102.0, 101.0]), BATCH.series[1])
        ),
        dataclasses.replace(BATCH, patient_id="demo-000002"),
        told_otherwise(BATCH, start=NOW + 3_600_000),
        told_otherwise(BATCH, unit="mmol/L"),
        told_otherwise(BATCH, component="x"),
        dataclasses.replace(
            BATCH, series=(series("nivel_oxigenacao", [100.0] * 3), BATCH.series[1])
        ),
    ],
    ids=["values swapped", "patient", "time", "unit", "component", "sensor"],
)
def test_trusted_files_and_registro_that_are_wrong_alike_are_not_proved(world, wrong):
    """They agree with each other; the archive says something else."""
    world.archive(BATCH)
    world.take(wrong)
    found = world.compare()
    assert not found.proof.is_proved
    assert found.proof.tallies[Finding.ALTERED_OUTCOME].count == found.proof.altered > 0
    assert [found.archive.ids()[number] for number in found.differing] == [ID]


@pytest.mark.parametrize(
    "field",
    [
        {"reason": "out_of_range"},
        {"value": 3.0},
        {"event_ms": NOW + 1},
        {"event_ms": None},
        {"patient_id": "demo-000002"},
        {"sensor": "Glicose"},
        {"unit": "mmol/L"},
    ],
    ids=str,
)
def test_a_quarantine_entry_that_says_something_else_than_the_archive_is_found(done, field):
    done.readings[ID, 0, 0].update(field)
    proof = done.prove()
    assert (proof.missing, proof.duplicated, proof.altered) == (0, 0, 1)
    assert list(proof.tallies) == [Finding.ALTERED_OUTCOME]


def test_a_settled_entry_may_have_the_reason_of_an_earlier_rule_but_no_other_reading(done):
    """It was resent after the rule had changed, or discarded; what the sensor sent stays what it was."""
    entry = done.readings[ID, 0, 0]
    entry["reason"] = SETTLED
    assert done.prove().is_proved
    entry["unit"] = "mmol/L"
    assert list(done.prove().tallies) == [Finding.ALTERED_OUTCOME]


def test_a_waiting_entry_that_says_something_else_than_the_trusted_file_is_found(world):
    """When its mapping comes, its value would enter registro."""
    place = (0, 0, 1, 0)
    world.unmapped.append(place)
    world.archive(BATCH)
    world.take(BATCH)
    assert world.prove().is_proved
    world.waiting[place] = {"value": 71.0}
    found = world.compare()
    assert found.proof.tallies[Finding.ALTERED_OUTCOME].names == [
        f"{PATIENT} frequencia_cardiaca at 2026-09-21T14:13:20.000Z"
    ]
    assert [found.archive.ids()[number] for number in found.differing] == [ID]


def test_a_reading_is_in_the_future_by_the_time_at_which_kafka_received_it(world):
    """The archive does not know that time; the outcomes do."""
    ahead = batch(series("glicose", [100.0, 101.0], start=NOW + 299_500))
    world.archive(ahead)
    world.take(ahead, rejected=[(ID, 0, 1)])
    entry = world.readings[ID, 0, 1]
    entry["reason"] = "future_timestamp"
    assert world.prove().is_proved
    entry["kafka_ms"] = NOW + 1000
    assert world.prove().altered == 1


def test_a_repair_does_not_write_wrong_trusted_values_over_right_rows(world):
    """It processes the range again instead."""
    world.archive(BATCH)
    world.take(dataclasses.replace(BATCH, series=(series("glicose", [101.0] * 3), BATCH.series[1])))
    for position, value in enumerate([100_000, 101_000, 102_000]):
        world.registro[1, "valor", NOW + 1000 * position] = value
    plan = plan_repair(world.compare(), MemoryEvidence(world))
    assert len(plan.rows) == 0
    assert [ids for _, ids in plan.retake] == [[ID]]


def test_a_reading_in_quarantine_as_overtaken_needs_a_newer_value(world):
    """Without one it is wrong, and processed again."""
    older, newer = (
        other(name, series("glicose", [value])) for name, value in (("o", 100.0), ("n", 120.0))
    )
    world.archive(older, newer)
    world.take(newer)
    world.take(older, rejected=[("o", 0, 0)])
    world.overtaken, world.known = [("o", 0, 0)], {"o": NOW - 1}
    proof = world.prove()
    assert proof.is_proved, proof.findings
    assert (proof.accepted, proof.quarantined, proof.superseded) == (1, 1, 0)
    world.known["n"] = NOW - 2
    found = world.compare()
    assert [finding.code for finding in found.proof.tallies] == ["altered_outcome"]
    plan = plan_repair(found, MemoryEvidence(world))
    assert [batch.batch_id for batch in plan.publish] == ["n", "o"]
    world.known["n"] = world.known["o"]
    assert not world.prove().is_proved
