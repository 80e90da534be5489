"""Folders in memory end with their processes."""

import subprocess
import sys
import uuid
from pathlib import Path

from common.private_folder import private_folder, sweep

CHILD = """
import sys
from common.private_folder import private_folder
folder = private_folder(sys.argv[1])
(folder / "rows.csv").write_text("a reading")
print(folder, flush=True)
sys.stdin.read()
"""


def test_the_folder_of_a_killed_process_is_removed_and_that_of_a_living_one_stays():
    prefix = f"vitals-test-{uuid.uuid4().hex}-"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, prefix],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    killed, living = children
    folders = [child.stdout.readline().strip() for child in children]
    killed.kill()
    killed.wait()
    ours = private_folder(prefix)
    found = {str(path) for path in ours.parent.glob(f"{prefix}*")}
    assert found == {folders[1], str(ours)}
    living.communicate()
    assert {str(path) for path in ours.parent.glob(f"{prefix}*")} == {str(ours)}


def test_what_a_killed_process_left_is_swept_without_a_folder_of_ones_own():
    prefix = f"vitals-test-{uuid.uuid4().hex}-"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, prefix],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    left = Path(child.stdout.readline().strip())
    sweep(prefix)
    assert left.exists()
    child.kill()
    child.wait()
    sweep(prefix)
    assert not left.exists()
