"""Alarms come with their condition, stay long enough to be seen, and clear themselves."""

from ops.look.codes import Code, Condition
from ops.monitor.alarms import AlarmBoard

SILENT = Condition(Code.SENSOR_SILENT, "demo-000001", {"sensor": "glicose"}, "glicose")


def test_an_alarm_is_raised_once_and_cleared_when_its_condition_ends():
    board = AlarmBoard()

    assert board.update([SILENT], 1_000)
    assert not board.update([SILENT], 2_000)
    (alarm,) = board.as_list()
    assert (alarm["code"], alarm["subject"], alarm["since"]) == (
        "sensor_silent",
        "demo-000001",
        1_000,
    )
    assert alarm["cleared"] is None
    assert board.update([], 60_000)
    assert board.as_list()[0]["cleared"] == 60_000
    assert board.update([], 60_000 + 600_000)
    assert board.as_list() == []


def test_what_lasts_for_a_second_is_shown_for_fifteen():
    board = AlarmBoard()
    board.update([Condition(Code.PRODUCER_GONE, "producer-2")], 1_000)

    assert not board.update([], 3_000)
    assert board.as_list()[0]["cleared"] is None
    assert board.update([], 16_000)


def test_a_clock_that_is_set_back_keeps_no_alarm():
    """Its age is not known any more; by the clock it would stay for as long as the step was."""
    board = AlarmBoard()
    board.update([SILENT], 10_000_000)

    assert board.update([], 1_000_000)
    assert board.as_list()[0]["cleared"] == 1_000_000
    assert board.update([], 500_000)
    assert board.as_list() == []


def test_two_sensors_of_a_patient_are_two_alarms():
    board = AlarmBoard()
    board.update([SILENT, Condition(Code.SENSOR_SILENT, "demo-000001", {}, "umidade_pele")], 1_000)

    assert len(board.as_list()) == 2


def test_critical_ones_come_first_and_a_new_figure_is_an_update():
    board = AlarmBoard()
    board.update([SILENT], 1_000)
    board.update([SILENT, Condition(Code.BROKER_AWAY)], 2_000)

    assert [alarm["code"] for alarm in board.as_list()] == ["broker_away", "sensor_silent"]
    behind = Condition(Code.CONSUMER_BEHIND, detail={"messages": 5})
    assert board.update([behind], 3_000)
    assert board.update([Condition(Code.CONSUMER_BEHIND, detail={"messages": 9})], 4_000)
