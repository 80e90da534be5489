"""`vitals secrets rotate` on the stack of this machine: nothing restarts, and nothing is lost."""

import os
import signal

from ops.credentials.rotate import FILES
from tests.embedded_stack import embedded_stack


def passwords(home):
    return {name: (home / "secrets" / name).read_text() for name in FILES}


def more_accepted(stack, than):
    return stack.wait_for_status(lambda _, now: now.get("accepted", 0) > than)[1]


def test_everything_is_replaced_and_whoever_comes_back_uses_what_is_new(jars, tmp_path):
    stack = embedded_stack(tmp_path, jars.parent)
    with stack.running("--producers", 2, "--patients", 50) as up:
        stack.wait_for_rows(up)
        before = more_accepted(stack, 5_000)
        old = passwords(stack.home)
        done = stack.vitals("secrets", "rotate")
        assert done.returncode == 0, done.stderr
        assert "passwords replaced" in done.stdout
        new = passwords(stack.home)
        assert [name for name in old if old[name] == new[name]] == []
        assert not [secret for secret in (old | new).values() if secret in done.stdout]

        after = more_accepted(stack, before["accepted"] + 10_000)
        assert after["processes"] == before["processes"]
        for server in ("kafka", "database"):
            os.kill(after["processes"][server], signal.SIGKILL)
            after = more_accepted(stack, after["accepted"] + 10_000)
        proof = stack.vitals("reconcile", "--wait", "60")
        assert "\nPROVED: " in f"\n{proof.stdout}", proof.stdout
