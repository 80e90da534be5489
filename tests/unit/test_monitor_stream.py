"""What an open page is sent, while the poller changes the board at any moment."""

import asyncio
from types import SimpleNamespace

import orjson
import pytest

from db.read.latest import Patient
from ops.look.codes import Code, Condition
from ops.monitor.alarms import AlarmBoard
from ops.monitor.app import _events
from ops.monitor.board import Board
from ops.monitor.cadence import judge
from ops.monitor.pipeline import PipelineView
from ops.monitor.poller import Poller
from ops.people.register import PageRole
from tests.unit.watched import after


class LookedAt(Board):
    """A board at which a stream looks after every change."""

    sent, shown = 0, ()

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if getattr(self, "alarms_version", 0) != self.sent:
            super().__setattr__("sent", self.alarms_version)
            super().__setattr__("shown", self.alarms)


def test_a_new_version_of_the_alarms_is_never_sent_with_the_old_ones(ward):
    """The page would keep those until the next change, which may take hours."""
    board, view = LookedAt(ward), PipelineView()
    view.conditions = lambda: [Condition(Code.BROKER_AWAY)]
    feed = SimpleNamespace(ward=ward, samples={})
    poller = SimpleNamespace(_board=board, _feed=feed, _view=view, _alarms=AlarmBoard(), _gaps=None)
    Poller._judge(poller, view.now_ms)

    assert [alarm["code"] for alarm in board.shown] == [Code.BROKER_AWAY]


@pytest.fixture
def board(ward):
    """Two patients, judged once."""
    made = Board(ward)
    made.show(judge(ward, after(1)), after(1))
    return made


@pytest.fixture
def stream(board):
    """The events of a viewer's page that is never closed."""

    async def stays():
        return False

    viewer = SimpleNamespace(person=SimpleNamespace(role=PageRole.VIEWER))
    request = SimpleNamespace(state=SimpleNamespace(session=viewer), is_disconnected=stays)
    sessions = SimpleNamespace(is_open=lambda _: True, keep=lambda _: None)
    return _events(board, request, sessions)


def add(board, number):
    board.ward.add([Patient(number, f"p{number}", None)])
    board.show(judge(board.ward, after(1)), after(1))


async def named(stream):
    """The rows of the next patients that the page learns the names of."""
    while True:
        event = await asyncio.wait_for(anext(stream), 5)
        name, data = event.decode().split("\n")[:2]
        if name == "event: patients":
            return [row for row, *_ in orjson.loads(data.removeprefix("data: "))["patients"]]


def test_a_patient_who_is_added_while_a_page_takes_its_event_is_named_to_it(board, stream):
    """On a slow network, say; the page would not know whose tile it gets."""

    async def look():
        await anext(stream)
        add(board, 3)
        first = await named(stream)
        add(board, 4)
        return first, await named(stream)

    assert asyncio.run(look()) == ([2], [3])
