"""Being asked to stop at any moment, by a signal that the waiting thread itself handles."""

import subprocess
import sys
import time
from threading import Timer

from common.stopping import Stop
from tests.documents import REPOSITORY

# raises the signal at the first line that `wait` runs, then at the second, and so on until there are no more
AT_EVERY_LINE = """
import itertools, signal, sys
from common.stopping import Stop

def line_by_line(frame, event, argument):
    global left
    if event == "line":
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGTERM)
    return line_by_line

for at in itertools.count(1):
    stop, left = Stop(), at
    stop.listen()
    sys.settrace(line_by_line)
    stop.wait(0.01)
    sys.settrace(None)
    if left > 0:
        break
    assert stop.is_set()
print(at)
"""


def test_a_signal_at_any_line_of_the_wait_is_heard():
    done = subprocess.run(
        [sys.executable, "-c", AT_EVERY_LINE],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 3


def test_setting_it_ends_the_wait():
    stop = Stop()
    assert not stop.wait(0.01)
    Timer(0.1, stop.set).start()
    began = time.monotonic()
    assert stop.wait(60)
    assert time.monotonic() - began < 30
    assert stop.wait(60)
