"""The ward: newest values, samples by window, and the verdicts drawn from them."""

import numpy as np

from common.times import unix_ms
from db.read.latest import Patient
from ops.monitor.board import Board
from ops.monitor.cadence import GapBook, judge
from ops.monitor.columns import sensor_codes
from ops.monitor.conditions import patient_conditions
from ops.monitor.ward import NEVER, State
from ops.monitor.windows import WINDOWS_KEPT
from tests.unit.watched import GLUCOSE, HEART, START, WINDOW, after, reject, send


def test_the_newest_value_of_each_column_is_kept_whatever_the_order(ward):
    times = np.array([START + 3_000, START + 1_000, START + 2_000])
    ward.accept(np.zeros(3, int), np.full(3, HEART), times, np.array([73.0, 71.0, 72.0]))
    ward.accept(np.zeros(1, int), np.full(1, HEART), np.array([START]), np.array([70.0]))

    assert ward.value[0, HEART] == 73
    assert ward.last_ms[0, HEART] == START + 3_000
    assert ward.last_ms[1, HEART] == NEVER


def test_a_second_value_for_the_same_instant_replaces_the_first(ward):
    for value in (70.0, 75.0):
        ward.accept(np.zeros(1, int), np.full(1, HEART), np.array([START]), np.array([value]))

    assert ward.value[0, HEART] == 75


def test_patients_beyond_the_first_capacity_keep_what_is_known(ward):
    send(ward, "a", 0)
    ward.add([Patient(3 + number, f"p{number}", None) for number in range(300)])
    send(ward, "p299", 1)

    assert len(ward) == 302
    assert ward.value[0, HEART] == 9
    assert ward.value[301, HEART] == 109
    assert ward.last_ms[300, HEART] == NEVER


def test_a_patient_is_fresh_then_stale_and_unseen_ones_are_told_apart(ward):
    send(ward, "a", 0)

    assert judge(ward, after(1)).state.tolist() == [State.FRESH, State.UNSEEN]
    assert judge(ward, after(3)).state.tolist() == [State.FRESH, State.UNSEEN]
    assert judge(ward, after(3) + 1).state.tolist() == [State.STALE, State.UNSEEN]


def test_a_sensor_without_samples_for_a_whole_window_is_silent(ward):
    for window in (0, 1):
        send(ward, "a", window)
        send(ward, "b", window, without=["glicose"] if window else [])
    judged = judge(ward, after(2))

    assert judged.state.tolist() == [State.FRESH, State.SILENT_SENSOR]
    assert np.argwhere(judged.silent).tolist() == [[1, sensor_codes().index("glicose")]]
    send(ward, "b", 2)
    assert judge(ward, after(3)).state.tolist()[1] == State.FRESH


def test_a_sensor_that_never_sent_anything_is_neither_silent_nor_missed(ward):
    """Mapped, but without a device: like a sensor of the catalogue without a model."""
    book = GapBook(ward, START // WINDOW)
    for window in (0, 1):
        send(ward, "a", window, without=["glicose"])

    assert judge(ward, after(2)).state.tolist()[0] == State.FRESH
    assert book.settle(after(2)) == ([], [])


def test_a_sensor_whose_device_reports_no_values_is_silent_from_the_start(ward):
    book = GapBook(ward, START // WINDOW)
    for window in (0, 1):
        send(ward, "a", window, without=["glicose"])
        reject(ward, GLUCOSE, START + window * WINDOW, is_missing=True)

    assert judge(ward, after(2)).state.tolist()[0] == State.SILENT_SENSOR
    assert [gap.received for gap in book.settle(after(2))[0]] == [0, 0]


def test_a_sensor_that_was_silent_before_the_monitor_began_is_silent(ward):
    ward.remember(0, GLUCOSE, START - 3_600_000, 95.0)
    send(ward, "a", 0, without=["glicose"])

    assert judge(ward, after(1)).state.tolist()[0] == State.SILENT_SENSOR


def test_a_sensor_that_nobody_wears_is_not_silent(ward):
    ward.mapping[1, sensor_codes().index("glicose")] = 0
    send(ward, "b", 0, without=["glicose"])

    assert judge(ward, after(1)).state.tolist()[1] == State.FRESH


def test_an_implausible_reading_marks_its_column_until_a_good_one_comes(ward):
    send(ward, "a", 0)
    at = np.array([START + WINDOW])
    reject(ward, GLUCOSE, at[0])
    judged = judge(ward, after(1))

    assert judged.state.tolist()[0] == State.OUT_OF_RANGE
    assert np.argwhere(judged.implausible).tolist() == [[0, GLUCOSE]]
    ward.accept(np.zeros(1, int), np.full(1, GLUCOSE), at + 1, np.array([90.0]))
    assert judge(ward, after(1)).state.tolist()[0] == State.FRESH


def test_a_sensor_whose_every_reading_is_rejected_is_not_silent(ward):
    send(ward, "a", 0)
    send(ward, "a", 1, without=["glicose"])
    reject(ward, GLUCOSE, START + WINDOW)

    assert not judge(ward, after(2)).silent.any()
    assert judge(ward, after(2)).state.tolist()[0] == State.OUT_OF_RANGE


def test_a_missing_sample_shows_life_and_nothing_else(ward):
    send(ward, "a", 0)
    reject(ward, -1, START + WINDOW, is_missing=True)

    assert judge(ward, after(2)).silent[0].all()
    assert not judge(ward, after(2)).implausible.any()


def test_readings_that_come_once_an_hour_have_no_rhythm_to_miss(ward):
    for hour in range(3):
        times = np.array([START + hour * 3_600_000])
        ward.accept(np.zeros(1, int), np.full(1, HEART), times, np.array([70.0]))
    book = GapBook(ward, START // WINDOW)

    assert not judge(ward, START + 2 * 3_600_000 + 15_000).silent.any()
    assert book.settle(START + 2 * 3_600_000 + 15_000) == ([], [])


def test_a_refused_reading_of_the_far_future_changes_nothing_but_the_sign_of_life(ward):
    """It neither keeps its patient fresh for ever nor takes the windows of the others."""
    book = GapBook(ward, START // WINDOW)
    far = unix_ms() + 10 * 365 * 86_400_000 // WINDOW * WINDOW
    for window in (0, 1):
        send(ward, "b", window)
    send(ward, "a", 0)
    slots = np.arange(WINDOWS_KEPT) * WINDOW
    for event_ms in far + slots:
        reject(ward, HEART, event_ms)
    send(ward, "a", 1)

    assert ward.alive_ms[0] <= unix_ms()
    assert not judge(ward, after(2)).implausible.any()
    assert book.settle(after(2)) == ([], [])


def test_a_rejected_reading_is_shown_with_its_value(ward):
    send(ward, "a", 0)
    rejection = {"is_implausible": np.ones(2, bool), "is_missing": np.zeros(2, bool)}
    times = np.array([START + WINDOW + 1_000, START + WINDOW])
    ward.reject(np.zeros(2, int), np.full(2, HEART), times, **rejection, value=np.array([400.0, 9]))
    board = Board(ward)
    board.show(judge(ward, after(1)), after(1))
    tile = next(tile for tile in board.tiles()[1] if tile[0] == 0)

    assert tile[9] == [[HEART, 400.0, START + WINDOW + 1_000]]


def test_a_patient_whose_mappings_have_ended_is_not_monitored(ward):
    send(ward, "a", 0)
    ward.mapping[0] = 0
    judged = judge(ward, after(5))

    assert judged.is_monitored.tolist() == [False, True]
    assert judged.state.tolist()[0] == State.UNSEEN
    assert patient_conditions(ward, judged) == []


def test_a_patient_of_a_file_of_old_readings_is_not_monitored(ward):
    for window in (0, 1):
        send(ward, "a", window)
    judged = judge(ward, after(2) + 25 * 3_600_000)

    assert judged.is_monitored.tolist() == [False, True]
    assert patient_conditions(ward, judged) == []


def test_a_state_that_cannot_be_known_is_never_fresh(ward):
    send(ward, "a", 0)
    board = Board(ward)
    board.show(judge(ward, after(1)), after(1), unknown_since_ms=START + WINDOW)
    version, tiles = board.tiles()
    assert [(tile[1], tile[7], tile[8]) for tile in tiles] == [
        (State.UNSEEN, "2023-11-14T22:13:30.000Z", True)
    ] * 2
    board.show(judge(ward, after(1)), after(1))

    assert [(tile[1], tile[7]) for tile in board.tiles(version)[1]] == [
        (State.FRESH, None),
        (State.UNSEEN, None),
    ]
