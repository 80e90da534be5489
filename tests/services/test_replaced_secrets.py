"""`vitals secrets rotate` on the stack of this machine: nothing restarts, and nothing is lost."""

import os
import signal

from ops.credentials.rotate import FILES
from tests.services.test_vitals_command import vitals, wait_for_status

__all__ = ["vitals"]


def passwords(home):
    return {name: (home / "secrets" / name).read_text() for name in FILES}


def more_accepted(vitals, than, *, seconds=90):
    def is_more(_, now):
        return now.get("accepted", 0) > than

    return wait_for_status(vitals, is_more, seconds=seconds)[1]


def test_everything_is_replaced_and_whoever_comes_back_uses_what_is_new(vitals):
    vitals.start("up", "--producers", "2", "--patients", "50")
    before = more_accepted(vitals, 5_000, seconds=120)
    old = passwords(vitals.home)
    done = vitals("secrets", "rotate")
    assert done.returncode == 0, done.stderr
    assert "passwords replaced" in done.stdout
    new = passwords(vitals.home)
    assert [name for name in old if old[name] == new[name]] == []
    assert not [secret for secret in (old | new).values() if secret in done.stdout]

    after = more_accepted(vitals, before["accepted"] + 10_000)
    assert after["processes"] == before["processes"]
    for server in ("kafka", "database"):
        os.kill(after["processes"][server], signal.SIGKILL)
        after = more_accepted(vitals, after["accepted"] + 10_000, seconds=120)
    proof = vitals("reconcile", "--wait", "60")
    assert "\nPROVED: " in f"\n{proof.stdout}", proof.stdout
