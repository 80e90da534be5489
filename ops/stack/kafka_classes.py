"""The file that lets Kafka's JVMs start a third sooner; made once per Java and set of jars."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from common.errors import UnavailableError
from ops.stack.broker import KafkaBroker
from ops.stack.class_archive import is_current, kafka_archive_path


def ensure_kafka_archive(jars: Path, java: Path, say: Callable[[str], None]) -> None:
    """Makes the archive if it is missing, or older than a jar; safe to repeat.

    A broker of its own starts, is asked, and ends, whose JVM writes the file then. ``jars``: the
    folder of the sets of jars. A failure only costs time later.
    """
    path = kafka_archive_path(jars, java)
    if is_current(path, jars / "kafka"):
        return
    path.unlink(missing_ok=True)
    say("preparing Kafka's classes for faster starts (once, about 6 s)")
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with tempfile.TemporaryDirectory(prefix="vitals-kafka-") as scratch:
        writing = [f"-XX:ArchiveClassesAtExit={temporary}"]
        broker = KafkaBroker(Path(scratch), jars, java=java, jvm_options=writing)
        try:
            broker.start()
            broker.wait_ready()
        except UnavailableError as error:
            say(f"continuing without it: {error.message}")
        finally:
            broker.stop()
    if temporary.exists():
        temporary.replace(path)
