"""The HTTP side of metrics and health."""

import re
import socket
import struct
import subprocess
import textwrap
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from structlog.testing import capture_logs

from common.errors import ConfigurationError
from common.health import Health
from common.metrics_server import MetricsSettings, served
from tests.loopback import free_port
from tests.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def settings():
    return MetricsSettings(metrics_port=free_port())


def get(settings, path):
    url = f"http://127.0.0.1:{settings.metrics_port}{path}"
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_ready_names_each_check_that_does_not_pass_in_a_line(settings):
    health = Health("query", "database")
    with served(settings, health, CollectorRegistry()):
        assert get(settings, "/ready") == (503, "query: not yet\ndatabase: not yet\n")
        health.tell("query", None)
        assert get(settings, "/ready") == (503, "database: not yet\n")
        health.tell("database", None)
        assert get(settings, "/ready") == (200, "ready\n")


def test_live_fails_when_the_loop_hangs_while_the_server_answers(settings, monkeypatch):
    health = Health("never told")
    monkeypatch.setattr("common.health.LONGEST_SILENCE_SECONDS", 0.0)
    with served(settings, health, CollectorRegistry()):
        assert get(settings, "/live") == (200, "alive\n")
        health.beat()
        assert get(settings, "/live") == (503, "loop: stuck for 0 s\n")


def test_metrics_are_those_of_the_registry_and_the_checks_without_creation_times(settings):
    registry, health = CollectorRegistry(), Health("one", "two")
    Counter("vitals_test_total", "Of this test", registry=registry).inc(3)
    health.tell("one", None)
    with served(settings, health, registry):
        status, text = get(settings, "/metrics")
    families = text_string_to_metric_families(text)
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }
    assert status == 200
    assert samples == {
        ("vitals_test_total",): 3,
        ("vitals_ready", "one"): 1,
        ("vitals_ready", "two"): 0,
    }


def test_other_paths_are_not_found(settings):
    with served(settings, Health(), CollectorRegistry()):
        assert get(settings, "/")[0] == 404


def test_the_healthcheck_of_the_containers_passes_only_where_the_part_is_ready(settings):
    """The same lines as in docker-compose.yml, with another port."""
    compose = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    (lines,) = re.findall(r"((?:^ {6}.*\n)+)(?=  interval: 5s)", compose, re.MULTILINE)[:1]
    script = textwrap.dedent(lines).replace("/9100", f"/{settings.metrics_port}")
    assert "/ready" in script

    def passes():
        return (
            subprocess.run(["bash", "-c", script], capture_output=True, check=False).returncode == 0
        )

    health = Health("database")
    assert not passes()
    with served(settings, health, CollectorRegistry()):
        assert not passes()
        health.tell("database", None)
        assert passes()


class Slow(Collector):
    """Answers once it is let, and then with an error if it has one."""

    def __init__(self, error=None):
        self.asked, self.let, self.error = threading.Event(), threading.Event(), error

    def describe(self):
        return []

    def collect(self):
        self.asked.set()
        assert self.let.wait(timeout=30)
        if self.error:
            raise self.error
        return []


@pytest.mark.parametrize("error", [None, ValueError("no such number")])
def test_only_an_answer_that_fails_is_logged_and_as_one_event(settings, capsys, error):
    """A client that has stopped waiting is no event, and nothing is printed past the log."""
    registry, slow = CollectorRegistry(), Slow(error)
    registry.register(slow)
    with served(settings, Health(), registry), capture_logs() as logs:
        with socket.create_connection(("127.0.0.1", settings.metrics_port)) as client:
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            assert slow.asked.wait(timeout=30)
            # closed with a reset
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        slow.let.set()
        wait_until(lambda: not [at for at in threading.enumerate() if "request" in at.name])
    assert [entry["event"] for entry in logs] == (["request_failed"] if error else [])
    assert capsys.readouterr() == ("", "")


def test_without_a_port_nothing_listens_and_a_port_is_free_after_the_block(settings):
    with served(MetricsSettings(metrics_port=None), Health(), CollectorRegistry()):
        pass
    for _ in range(2):
        with served(settings, Health(), CollectorRegistry()):
            assert get(settings, "/live")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", settings.metrics_port), timeout=10)


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
def test_an_address_that_cannot_be_listened_on_says_what_to_set(settings, host):
    with (
        socket.create_server(("127.0.0.1", settings.metrics_port)),
        pytest.raises(ConfigurationError, match="METRICS_PORT") as failed,
        served(settings.model_copy(update={"metrics_host": host}), Health()),
    ):
        pass
    assert "free port" in failed.value.hint
