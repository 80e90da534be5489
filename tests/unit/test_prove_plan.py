"""A seed plays the same storm again."""

from ops.cli.commands.prove import chosen_kinds
from ops.cli.known import FAULTS
from ops.storm.faults import KINDS
from ops.storm.storm import planned_faults

ALL = list(KINDS.values())


def test_the_same_seed_plans_the_same_storm():
    assert planned_faults(3, 600, ALL) == planned_faults(3, 600, ALL)
    assert planned_faults(3, 600, ALL) != planned_faults(4, 600, ALL)


def test_ten_minutes_hold_more_than_forty_faults_of_every_kind():
    for seed in range(20):
        plan = planned_faults(seed, 600, ALL)
        assert len(plan) > 50
        assert {fault.kind.name for fault in plan} == set(KINDS)


def test_no_fault_begins_after_the_end():
    assert all(fault.at_seconds < 60 for fault in planned_faults(1, 60, ALL))


def test_blanks_in_a_list_of_faults_are_none_of_a_name():
    names = FAULTS.check_list("kill-driver, cut-broker")
    assert [kind.name for kind in chosen_kinds(names, {})] == ["kill-driver", "cut-broker"]


def test_kinds_that_need_disks_are_left_out_where_there_are_none():
    outside, inside = (
        chosen_kinds(None, {}),
        chosen_kinds(None, {"VITALS_PROVE_NAMESPACE": "inside"}),
    )
    assert {kind.name for kind in inside} - {kind.name for kind in outside} == {
        "full-raw-disk",
        "full-trusted-disk",
        "read-only-raw-disk",
        "read-only-trusted-disk",
    }
