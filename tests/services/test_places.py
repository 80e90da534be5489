"""The embedded stack where names and ports are awkward."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from types import MappingProxyType

import pytest

from ops.stack.class_archive import kafka_archive_path, spark_archive_path
from tests.programs import inherited
from tests.waiting import wait_until

FOLDER = "Área de Trabalho, 100% #1 'a' \"b\" + (c) [d] $e; ~"


@pytest.fixture
def place(source, jars, tmp_path):
    """A folder with awkward characters, and a cache that was moved there."""
    folder = tmp_path / FOLDER
    cache = jars.parent
    for name in ("jars/kafka", "jars/spark", "jars/monitor", "mariadb-11.4.5"):
        if (cache / name).exists():
            shutil.copytree(cache / name, folder / "cache" / name, copy_function=os.link)
    # what an earlier start kept of a formatted folder is written into: it must not be the same file
    shutil.rmtree(folder / "cache/jars/kafka/formatted", ignore_errors=True)
    # without the seconds that making them takes: a JVM ignores an empty one
    spark_archive_path(folder / "cache", source.java).touch()
    kafka_archive_path(folder / "cache/jars", source.java).touch()
    return folder


def environment(folder, **more):
    return inherited("LC_", "LANG") | {
        "LC_ALL": "C",
        "VITALS_HOME": str(folder / "home"),
        "VITALS_CACHE": str(folder / "cache"),
        "TMPDIR": str(folder),
        "GENERATION_INTERVAL_SECONDS": "2",
        **more,
    }


class Thief(threading.Thread):
    """Listens on the ports that the stack has chosen, before the stack does: the first ones of each."""

    wanted = MappingProxyType({"kafka": 2, "database": 2, "consumer": 1, "monitor": 1})

    def __init__(self, home):
        super().__init__(daemon=True)
        self.home, self.is_over = home, threading.Event()
        self.taken = {name: set() for name in self.wanted}
        self.sockets = ExitStack()

    def run(self):
        while not self.is_over.wait(0.002):
            for name, ports in self.taken.items():
                # not there yet, or the stack was faster
                with suppress(OSError, ValueError, KeyError):
                    if len(ports) < self.wanted[name] and (port := self.chosen(name)) not in ports:
                        self.take(name, port)

    def chosen(self, name):
        if name in {"kafka", "database"}:
            return int((self.home / name / "port").read_text())
        state = json.loads((self.home / "state.json").read_text())
        environ = Path(f"/proc/{state['processes'][name]['pid']}/environ").read_bytes().split(b"\0")
        variable = b"MONITOR_PORT" if name == "monitor" else b"METRICS_PORT"
        return int(dict(line.split(b"=", 1) for line in environ if line)[variable])

    def take(self, name, port):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        self.sockets.enter_context(listener)
        self.taken[name].add(port)


def test_the_demo_is_proved_in_any_folder_and_whoever_takes_its_ports(place):
    """Under LC_ALL=C, ports stolen before the servers listen, and Kafka's again in the middle of the run."""
    home = place / "home" / "demo"
    thief = Thief(home)
    thief.start()
    log = place / "demo.log"
    options = ["--for", "45", "--patients", "5", "--producers", "1"]
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "ops", "demo", *options],
            env=environment(place),
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: list(home.glob("output/trusted/*/*")), log.read_text, seconds=240)
        kafka = json.loads((home / "state.json").read_text())["processes"]["kafka"]["pid"]
        port = int((home / "kafka" / "port").read_text())
        os.kill(kafka, signal.SIGKILL)
        while port not in thief.taken["kafka"]:
            with suppress(OSError):
                thief.take("kafka", port)
        assert demo.wait(240) == 0, log.read_text()
    finally:
        demo.terminate()
        demo.wait(60)
        thief.is_over.set()
        thief.join()
        thief.sockets.close()
    said = log.read_text()
    assert "PROVED: " in said
    assert "NOT PROVED" not in said
    taken = {name: len(ports) for name, ports in thief.taken.items()}
    assert taken == {**thief.wanted, "kafka": 3}
