"""The embedded stack: a real Kafka and a real database server on the loopback, without root."""

from ops.stack.broker import KafkaBroker
from ops.stack.child import ChildProcess
from ops.stack.database_server import DATABASE, DatabaseServer
from ops.stack.ivy import JarSource, retrieve, retrieve_jars
from ops.stack.jars import JarSet, listed_jars
from ops.stack.java import find_java
from ops.stack.provision import jar_source, mariadb, prepare_database, require_disk_space
from ops.stack.topics import create_topics

__all__ = [
    "DATABASE",
    "ChildProcess",
    "DatabaseServer",
    "JarSet",
    "JarSource",
    "KafkaBroker",
    "create_topics",
    "find_java",
    "jar_source",
    "listed_jars",
    "mariadb",
    "prepare_database",
    "require_disk_space",
    "retrieve",
    "retrieve_jars",
]
