"""The flame graph: from samples of the JVM's stacks to boxes in a picture."""

from collections import Counter

import pytest

from benchmarks import flame
from common.errors import ConfigurationError

STACKS = Counter(
    {
        ("Thread.run", "Query.plan", "Optimizer.execute"): 60,
        ("Thread.run", "Query.plan"): 15,
        ("Thread.run", "Query.commit"): 25,
    }
)


def frame(kind, method):
    return {"method": {"type": {"name": kind}, "name": method}}


def test_a_stack_begins_with_the_outermost_call_and_leaves_out_plumbing():
    frames = [
        frame("org/apache/Optimizer$", "$anonfun$execute$2"),
        frame("org/apache/Optimizer$", "execute"),
        frame("scala/collection/List", "foreach"),
        frame("org/apache/Query", "plan$lzycompute"),
        frame("org/apache/Query", "plan"),
        frame("java/lang/Thread", "run"),
    ]
    assert flame._stack({"stackTrace": {"frames": frames}}) == ("Query.plan", "Optimizer.execute")


def test_a_call_holds_its_own_samples_and_those_of_what_it_calls():
    root = flame.as_tree(STACKS)
    [run] = root.calls.values()
    assert (root.samples, run.samples) == (100, 100)
    assert {name: call.samples for name, call in run.calls.items()} == {
        "Query.plan": 75,
        "Query.commit": 25,
    }
    assert run.calls["Query.plan"].calls["Optimizer.execute"].samples == 60


def test_what_is_too_narrow_to_read_is_left_out_and_leaves_its_room():
    root = flame.as_tree(STACKS + Counter({("Thread.run", "Query.listen"): 1}))
    boxes = list(flame._boxes(root.calls.values(), 0, 0, least=2))
    assert [(level, left, call.name) for level, left, call in boxes] == [
        (0, 0, "Thread.run"),
        (1, 0, "Query.commit"),
        (1, 26, "Query.plan"),
        (2, 26, "Optimizer.execute"),
    ]


def test_a_file_that_is_no_recording_is_named(tmp_path):
    (tmp_path / "no.jfr").write_text("no")
    with pytest.raises(ConfigurationError, match="cannot read"):
        flame.read_stacks(tmp_path / "no.jfr")
