"""Child processes, their supervision and their record, with trivial stand-in commands."""

import os
import signal
import subprocess
import sys
import time

import pytest

from common.errors import ConfigurationError, UnavailableError
from ops.stack.child import ChildProcess
from ops.stack.folders import MARK, claim, clear, occupy
from ops.stack.running import OWNER, Part, ProcessId, down, forget, hold, record, recorded, running
from ops.stack.supervisor import Supervisor
from tests.waiting import wait_until


@pytest.fixture
def child(tmp_path):
    children = []

    def start(command: str, name: str = "child", *, is_started: bool = True) -> ChildProcess:
        made = ChildProcess(name, ["/bin/sh", "-c", command], tmp_path / f"{name}.log")
        children.append(made)
        if is_started:
            made.start()
        return made

    yield start
    for process in children:
        process.kill()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_output_of_a_child_goes_to_its_log(child, tmp_path):
    echo = child("echo out; echo err >&2")
    wait_until(lambda: not echo.is_alive, seconds=10)
    assert (tmp_path / "child.log").read_text() == "out\nerr\n"
    assert echo.exit_code == 0


def test_stop_waits_for_what_the_child_started(child, tmp_path):
    """A grandchild, such as Spark's JVM, must not outlive its parent."""
    parent = child(f"sleep 60 & echo $! > {tmp_path / 'pid'}; trap 'exit 0' TERM; wait")
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), seconds=10)
    grandchild = ProcessId.of(int((tmp_path / "pid").read_text()))
    assert not parent.stop(timeout_seconds=0.5)
    wait_until(lambda: not grandchild.is_alive, seconds=10)


def test_child_that_ignores_the_signal_is_killed(child):
    stubborn = child("trap '' TERM; while :; do sleep 0.05; done")
    time.sleep(0.2)
    assert not stubborn.stop(timeout_seconds=0.3)
    assert stubborn.exit_code == -signal.SIGKILL


def test_end_of_the_log_is_in_the_message_of_a_dead_child(child):
    dead = child("echo the reason; exit 7")
    wait_until(lambda: not dead.is_alive, seconds=10)
    with pytest.raises(UnavailableError, match=r"ended with code 7:\s+the reason"):
        dead.require_alive()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can promise it")
def test_child_ends_with_a_parent_that_was_killed(tmp_path):
    """A crash of `vitals up` leaves no broker behind."""
    script = (
        "import time; from pathlib import Path; from ops.stack.child import ChildProcess\n"
        f"child = ChildProcess('c', ['sleep', '60'], Path({str(tmp_path / 'log')!r}))\n"
        "child.start(); print(child.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        orphan = ProcessId.of(int(parent.stdout.readline()))
        assert orphan.is_alive
        parent.kill()
    wait_until(lambda: not orphan.is_alive, seconds=10)


def test_failed_process_is_restarted_after_a_growing_delay(child):
    clock, said = Clock(), []
    supervisor = Supervisor(said.append, clock, jitter=float)
    service = supervisor.add(child("exit 3", is_started=False), stop_seconds=1)
    for delay in (1, 2, 4):
        wait_until(lambda: service.process.exit_code == 3, seconds=10)
        assert not supervisor.check()
        clock.now += delay - 0.1
        assert not supervisor.check()
        assert service.state == "waiting"
        clock.now += 0.2
        assert supervisor.check()
    assert service.restarts == 3
    assert "ended with code 3; starting it again in 4 s" in said[-1]


def test_a_failing_process_is_recorded_with_its_error(child, tmp_path):
    """What `vitals status` reads: when it failed, and the last error in its log."""
    clock = Clock()
    supervisor = Supervisor(lambda _: None, clock, jitter=float)
    command = "echo 'OSError: no space left'; exit 3"
    service = supervisor.add(child(command, is_started=False), stop_seconds=1)
    for _ in range(3):
        wait_until(lambda: service.process.exit_code == 3, seconds=10)
        supervisor.check()
        clock.now += 60
        supervisor.check()
    part = Part(service.since_ms, "127.0.0.1:1", service.failures)
    record(tmp_path, {OWNER: os.getpid()}, {"child": part})

    assert recorded(tmp_path) == {"child": part}
    assert len(part.failures.at_ms) == 3
    assert part.failures.error == "OSError: no space left"


def test_process_with_wrong_settings_is_not_restarted(child):
    """Code 2 means that only a person can help: its last lines are shown instead."""
    supervisor = Supervisor(lambda _: None)
    wrong = supervisor.add(
        child("echo DB_HOST is missing; exit 2", is_started=False), stop_seconds=1
    )
    wait_until(lambda: wrong.process.exit_code == 2, seconds=10)
    with pytest.raises(ConfigurationError, match="DB_HOST is missing"):
        supervisor.check()
    assert wrong.restarts == 0


def test_a_process_that_succeeds_is_not_restarted(child):
    supervisor = Supervisor(lambda _: None)
    done = supervisor.add(child("exit 0", is_started=False), stop_seconds=1)
    wait_until(lambda: done.process.exit_code == 0, seconds=10)
    assert not supervisor.check()
    assert done.state == "ended"


def test_services_stop_last_started_first_and_by_name(child):
    said = []
    supervisor = Supervisor(said.append)
    for name in ("database", "consumer", "producer-1", "producer-2"):
        supervisor.add(child("exec sleep 60", name, is_started=False), stop_seconds=5)
    supervisor.stop("producer-")
    assert [line.split()[1] for line in said] == ["producer-2", "producer-1"]
    supervisor.stop()
    assert [line.split()[1] for line in said[2:]] == ["consumer", "database"]
    assert all(not service.process.is_alive for service in supervisor.services)


def test_only_living_processes_are_reported_as_running(child, tmp_path):
    living, dead = child("exec sleep 60", "living"), child("exit 0", "dead")
    wait_until(lambda: not dead.is_alive, seconds=10)
    record(tmp_path, {"living": living.pid, "dead": dead.pid})
    assert list(running(tmp_path)) == ["living"]


def test_a_reused_process_id_is_not_mistaken_for_ours():
    own = ProcessId.of(os.getpid())
    assert own.is_alive
    assert not ProcessId(own.pid, "another time").is_alive


def test_second_owner_of_a_home_is_refused(tmp_path):
    with hold(tmp_path), pytest.raises(ConfigurationError, match="already running"):
        hold(tmp_path)
    hold(tmp_path).close()


def test_down_stops_what_a_crash_left_behind(child, tmp_path):
    """The owner is gone but its children are not: each is stopped, the last started first."""
    first, second = child("exec sleep 60", "first"), child("exec sleep 60", "second")
    owner = child("exit 0", "owner")
    wait_until(lambda: not owner.is_alive, seconds=10)
    record(tmp_path, {OWNER: owner.pid, "first": first.pid, "second": second.pid})
    said = []
    down(tmp_path, said.append)
    assert [line.split()[1].strip(",") for line in said[:2]] == ["second", "first"]
    assert said[-1] == "all stopped"
    assert not first.is_alive
    assert not second.is_alive


def test_down_without_anything_running_says_so(tmp_path):
    said = []
    down(tmp_path, said.append)
    forget(tmp_path)
    assert said == ["nothing is running"]


def test_fresh_start_deletes_only_folders_that_we_made(tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    claim(ours)
    (ours / "cache").mkdir()
    (ours / "data").mkdir()
    (ours / "data" / "file").touch()
    clear(ours, keep=[ours / "cache"])
    assert {path.name for path in ours.iterdir()} == {MARK, "cache"}

    theirs.mkdir()
    (theirs / "thesis.txt").touch()
    claim(theirs)
    with pytest.raises(ConfigurationError, match="will not delete"):
        clear(theirs)
    assert (theirs / "thesis.txt").exists()


def test_fresh_start_of_nothing_is_not_an_error(tmp_path):
    clear(tmp_path / "never made")


def test_a_fresh_start_after_the_demo_keeps_the_demo_and_the_downloads(tmp_path):
    """The demo makes its home inside the user's, which is nobody else's for that."""
    home, output = tmp_path / ".vitals", tmp_path / "output"
    cache = home / "deep" / "cache"
    (cache / "jars").mkdir(parents=True)
    claim(home / "demo")
    (home / "demo" / "data").touch()
    for _ in range(2):
        for file in occupy(home, output, cache, fresh=True):
            file.close()
        (home / "kafka").mkdir()
        (output / "raw").mkdir()
    assert (home / "demo" / "data").exists()
    assert (cache / "jars").exists()
    for file in occupy(home, output, cache, fresh=True):
        file.close()
    assert not (home / "kafka").exists()
    assert not (output / "raw").exists()


def test_two_stacks_that_run_cannot_share_a_folder_of_output(tmp_path):
    """A fresh start of the second would delete the files of the first."""
    output = tmp_path / "output"
    held = occupy(tmp_path / "one", output, tmp_path / "cache", fresh=False)
    (output / "raw").mkdir()
    with pytest.raises(ConfigurationError, match="another stack that is running writes") as raised:
        occupy(tmp_path / "two", output, tmp_path / "cache", fresh=True)
    assert "OUTPUT_DIR" in raised.value.hint
    assert (output / "raw").exists()
    for file in held:
        file.close()


def test_a_process_that_cannot_start_again_is_tried_later(child):
    """As a server whose own port is taken: the others go on."""
    clock, said = Clock(), []
    supervisor = Supervisor(said.append, clock, jitter=float)
    process = child("exit 3", is_started=False)
    service = supervisor.add(process, stop_seconds=1)
    wait_until(lambda: process.exit_code == 3, seconds=10)
    supervisor.check()
    start = process.start

    def refuse() -> None:
        raise ConfigurationError("VITALS_KAFKA_PORT: port 9092 is in use")

    process.start = refuse
    clock.now += 1
    assert not supervisor.check()
    assert said[-1] == "child cannot start: VITALS_KAFKA_PORT: port 9092 is in use"
    process.start = start
    supervisor.check()
    clock.now += 2
    assert supervisor.check()
    assert service.restarts == 2
