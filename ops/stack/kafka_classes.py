"""The class archive of Kafka's JVMs, which start a third faster with it."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from common.errors import UnavailableError
from ops.stack.broker import KafkaBroker
from ops.stack.class_archive import is_current, kafka_archive_path


def ensure_kafka_archive(jars: Path, java: Path, say: Callable[[str], None]) -> None:
    """Makes the archive if it is missing, or older than a jar; safe to repeat.

    It starts and stops a temporary broker, whose JVM writes the archive as it exits. ``jars``: the
    folder that holds the sets of jars. A failure only costs time later.
    """
    path = kafka_archive_path(jars, java)
    if is_current(path, jars / "kafka"):
        return
    path.unlink(missing_ok=True)
    say("preparing Kafka's classes for faster starts (once, about 6 s)")
    with tempfile.TemporaryDirectory(prefix="kafka-classes-", dir=jars) as scratch:
        written = Path(scratch) / path.name
        options = [f"-XX:ArchiveClassesAtExit={written}"]
        broker = KafkaBroker(Path(scratch) / "kafka", jars, java=java, jvm_options=options)
        try:
            broker.start()
            broker.wait_ready()
        except UnavailableError as error:
            say(f"continuing without it: {error.message}")
            return
        finally:
            broker.stop()
        if written.exists():
            written.replace(path)
        else:
            say(f"continuing without it: {java} wrote no archive of its classes")
