"""``python -m db`` as a process of its own, with no address but the given one."""

import os
import subprocess
import sys


def db(*arguments, **variables):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DB_")}
    return subprocess.run(
        [sys.executable, "-m", "db", *arguments],
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
