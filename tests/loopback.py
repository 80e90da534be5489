"""Asking a server on this machine over HTTP."""

import http.client
from contextlib import closing


def get(port, path, headers=None, *, seconds=30):
    """Status and body, whatever the status is. OSError if nothing listens."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)) as client:
        client.request("GET", path, headers=headers or {})
        answer = client.getresponse()
        return answer.status, answer.read()
