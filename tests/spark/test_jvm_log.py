"""What Spark's JVM logs of other people's texts is as harmless as our own lines."""

import json
import os
import subprocess
import sys
from pathlib import Path

import consumer.driver
from tests.hostile import HOSTILE, left_over

CONFIGURATION = Path(consumer.driver.__file__).with_name("jvm_log.xml")
TEXT = "".join(HOSTILE)
PROGRAM = f"""
from pyspark.java_gateway import launch_gateway
gateway = launch_gateway()
log = gateway.jvm.org.apache.logging.log4j.LogManager.getLogger("test")
log.warn({TEXT!r})
log.error("failed", gateway.jvm.java.lang.IllegalStateException({TEXT!r}))
gateway.shutdown()
"""


def logged(form):
    """What a JVM with the consumer's configuration writes, without Spark."""
    options = f"-Dvitals.log={form} -Dlog4j2.configurationFile={CONFIGURATION.as_uri()}"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ
        | {"PYSPARK_SUBMIT_ARGS": f"--driver-java-options '{options}' pyspark-shell"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def test_the_jvms_json_lines_hold_no_controls():
    text = logged("json")
    warning, error = (json.loads(line) for line in text.splitlines() if line.startswith("{"))
    assert "bed[/nonsense]" in warning["event"]
    assert (error["event"], error["level"]) == ("failed", "ERROR")
    assert error["exception"].startswith("java.lang.IllegalStateException: bed")
    assert left_over(text) == set()


def test_the_jvms_lines_for_people_hold_no_controls():
    text = logged("console")
    [warning] = [line for line in text.splitlines() if "[WARN] test: bed" in line]
    assert "PROVED" in warning
    assert "IllegalStateException: bed" in text
    assert left_over(text.replace("\t", "")) == set()
