"""A JVM with Spark that the consumers of one process of tests use in turn, for a start costs 5 s of CPU.

``python -m tests.services.warm_jvm`` starts it as the consumer does; pyspark joins one that runs by
two names of the environment.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.documents import REPOSITORY
from tests.services.killing import kill_group


class WarmJvm:
    """It starts with its first use, and ends with the process of the tests, which holds its input."""

    def __init__(self):
        self._process, self._names, self._log = None, {}, None

    def names(self, environment):
        """What a consumer needs in its environment; ``environment``: of a consumer, for a first start."""
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
        """A consumer that did not end in order has left its session in there."""
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
