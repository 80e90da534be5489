"""The producers of docs/reference/examples, run as an outsider runs them, without our code."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import confluent_kafka

from ops.stack import JarSet, listed_jars, retrieve_jars
from ops.stack.ivy import ivy_jar
from tests.kafka import environment_of

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "docs" / "reference" / "examples"
[SCHEMA] = REPOSITORY.glob("schemas/**/sensor_batch_v1.avsc")
COMPILER = Path(__file__).with_name("jars.txt")
NEEDED = ("kafka-clients", "slf4j-api", "jackson-core", "jackson-databind", "jackson-annotations")
"""What kafka-clients and avro depend on, as far as the example goes that way; the stack has it all."""


class PythonExample:
    """publish.py in an interpreter that finds two packages and the standard library."""

    def __init__(self, folder):
        self._packages = folder / "packages"
        self._packages.mkdir()
        installed = Path(confluent_kafka.__file__).parents[1]
        for name in ("confluent_kafka", "fastavro"):
            # with the folder of shared libraries that a wheel ships
            for path in installed.glob(f"{name}*"):
                if not path.name.endswith(".dist-info"):
                    (self._packages / path.name).symlink_to(path)

    def publish(self, kafka, *arguments):
        command = [sys.executable, "-S", "-P", EXAMPLES / "publish.py", SCHEMA, *arguments]
        return run(command, kafka, PYTHONPATH=str(self._packages))

    def finds(self, module):
        """Whether the interpreter could import that module."""
        command = [sys.executable, "-S", "-P", "-c", f"import {module}"]
        environment = {"PYTHONPATH": str(self._packages)}
        return (
            subprocess.run(command, env=environment, capture_output=True, check=False).returncode
            == 0
        )


class JavaExample:
    """Publish.java, compiled by a compiler that needs no JDK."""

    def __init__(self, source, folder):
        [compiler] = listed_jars("compiler", COMPILER)
        jars = retrieve_jars(source, "compiler", [compiler])
        [avro] = ivy_jar().parent.glob("avro-[0-9]*.jar")
        stack = {
            jar.artifact: source.folder / "kafka" / jar.file_name
            for jar in listed_jars(JarSet.KAFKA)
        }
        self._java = source.java
        self.libraries = [avro, *(stack[name] for name in NEEDED)]
        self._class_path = os.pathsep.join(map(str, [folder, *self.libraries]))
        subprocess.run(
            [
                *(source.java, "-jar", jars / compiler.file_name, "-17", "-encoding", "UTF-8"),
                *("-classpath", self._class_path, "-d", folder, EXAMPLES / "Publish.java"),
            ],
            check=True,
        )

    def publish(self, kafka, *arguments):
        return run([self._java, "-cp", self._class_path, "Publish", SCHEMA, *arguments], kafka)


def run(command, kafka, **environment):
    """What the program prints; it must exit with 0."""
    ended = subprocess.run(
        command,
        env={
            **environment_of(kafka),
            "BATCH_KEY_PATH": str(kafka.batch_key_path),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def loaded_python_example():
    """publish.py as a module, for messages that differ from its own."""
    spec = importlib.util.spec_from_file_location("published_example", EXAMPLES / "publish.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
