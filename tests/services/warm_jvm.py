"""A JVM with Spark that the consumers of one test process share, one after the other: a start costs 5 s of CPU.

``python -m tests.services.warm_jvm`` starts it as the consumer does. Two variables in its environment
make pyspark join a JVM that is already running.
"""

import json
import os
import subprocess
import sys
import tempfile

from tests.documents import REPOSITORY
from tests.services.killing import kill_group

# where a new SparkContext looks for its defaults, and among them for its workers' environment
_OF_WORKERS = "spark.executorEnv."


class WarmJvm:
    """Started on first use; it ends with the test process, which holds its standard input open."""

    def __init__(self):
        self._process, self._names = None, {}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as we do

    def names(self, environment, of_workers):
        """The variables that make the next consumer join it.

        ``environment``: a consumer's, for the first start; ``of_workers``: what its Python workers
        have besides.
        """
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.services.warm_jvm"],
                env=environment,
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                text=True,
            )
        self._process.stdin.write(json.dumps(of_workers) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self.log()
        return json.loads(line)

    def retire(self):
        """Ends it: a consumer that was killed has left its session behind."""
        if self._process is not None:
            kill_group(self._process)
            self._process = None

    @property
    def log_size(self):
        """In bytes."""
        return os.fstat(self._log.fileno()).st_size

    def log(self, since=0):
        """What the JVM and the workers of its consumers said, from the byte ``since``."""
        return os.pread(self._log.fileno(), self.log_size - since, since).decode()


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
    for line in sys.stdin:
        prepare(SparkContext._jvm, json.loads(line))
        print(json.dumps(names), flush=True)


def prepare(jvm, of_workers):
    """For the next consumer: no session of the one before, and the environment of its workers."""
    contexts = getattr(getattr(jvm.org.apache.spark, "SparkContext$"), "MODULE$")
    if (left := contexts.getActive()).isDefined():
        left.get().stop()
    properties = jvm.java.lang.System.getProperties()
    for name in list(properties.stringPropertyNames()):
        if name.startswith(_OF_WORKERS):
            properties.remove(name)
    for name, value in of_workers.items():
        properties.setProperty(_OF_WORKERS + name, value)


if __name__ == "__main__":
    main()
