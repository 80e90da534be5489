"""What an open page is sent, while the poller changes the board at any moment."""

from types import SimpleNamespace

from ops.look.codes import Code, Condition
from ops.monitor.alarms import AlarmBoard
from ops.monitor.board import Board
from ops.monitor.pipeline import PipelineView
from ops.monitor.poller import Poller


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
