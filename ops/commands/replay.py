"""``vitals replay``: hands a file of real readings to the producer."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ops.invocation import Invocation


def replay(invocation: Invocation, file: Path, options: Sequence[str]) -> int:
    """Runs ``python -m producer replay`` against the stack; returns its exit code.

    Safe to repeat: see docs/decisions/0008.
    """
    kafka, database = invocation.kafka(), invocation.database()
    names = {
        **{name.upper(): value for name, value in kafka.model_dump().items()},
        **{name.upper(): str(value) for name, value in database.model_dump().items()},
        "DB_PASSWORD": database.db_password.get_secret_value(),
        "OUTPUT_DIR": str(invocation.settings.output_dir.resolve()),
        "LOG_FORMAT": "console",
    }
    command = [sys.executable, "-m", "producer", "replay", str(file), *options]
    return subprocess.run(command, env={**invocation.environment, **names}, check=False).returncode
