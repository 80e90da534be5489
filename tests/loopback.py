"""Ports of this machine, and asking a server on it over HTTP."""

import http.client
import socket
from contextlib import closing


def get(port, path, headers=None, *, seconds=30):
    """Status and body, whatever the status is. OSError if nothing listens."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)) as client:
        client.request("GET", path, headers=headers or {})
        answer = client.getresponse()
        return answer.status, answer.read()


def free_port():
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
