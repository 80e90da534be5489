"""A JVM with Spark that the consumers of one test process share, one after the other: a start costs 5 s of CPU.

``python -m tests.services.warm_jvm`` starts it as the consumer does. Two variables in its environment
make pyspark join a JVM that is already running.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.documents import REPOSITORY
from tests.services.killing import kill_group


class WarmJvm:
    """Started on first use; it ends with the test process, which holds its standard input open."""

    def __init__(self):
        self._process, self._names, self._log = None, {}, None

    def names(self, environment):
        """The variables that make a consumer join it; ``environment``: a consumer's, for the first start."""
        if self._process is None:
            self._log = Path(environment["OUTPUT_DIR"], "warm_jvm.log")
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tests.services.warm_jvm"],
                    env=environment,
                    cwd=REPOSITORY,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
            line = self._process.stdout.readline()
            assert line, self.log()
            self._names = json.loads(line)
        return self._names

    def retire(self):
        """Ends it: a consumer that was killed or failed has left its session behind."""
        if self._process is not None:
            kill_group(self._process)
            self._process = None

    def log(self):
        """The end of what the JVM said."""
        return self._log.read_text()[-3000:] if self._log else ""


WARM_JVM = WarmJvm()


def main():
    from pyspark import SparkContext

    from common.private_files import keep_private
    from common.settings import load
    from consumer.driver.session import build_session
    from consumer.settings import ConsumerSettings

    keep_private()
    build_session(load(ConsumerSettings)).stop()
    parameters = SparkContext._gateway.gateway_parameters
    names = {
        "PYSPARK_GATEWAY_PORT": str(parameters.port),
        "PYSPARK_GATEWAY_SECRET": parameters.auth_token,
    }
    print(json.dumps(names), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
