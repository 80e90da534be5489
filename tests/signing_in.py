"""Signing in to a page as its form does."""

import http.client
import json
from contextlib import closing

from ops.people.register import PageRole, People


def new_person(path, role=PageRole.ENGINEER, name="somebody"):
    """The secret of a person who may sign in from now on."""
    return People(path).add(name, role)


def signed_in(port, secret):
    """The headers of a session that the secret has begun."""
    status, cookie = try_to_sign_in(port, secret)
    assert status == 204, status
    return {"Cookie": cookie.split(";")[0]}


def try_to_sign_in(port, secret, **headers):
    """The status, and what the browser is told to keep."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as client:
        body = json.dumps({"secret": secret})
        client.request("POST", "/api/login", body, {"Content-Type": "application/json"} | headers)
        answer = client.getresponse()
        return answer.status, answer.headers.get("Set-Cookie")


def post(port, path, headers):
    """The status of a request that sends nothing."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as client:
        client.request("POST", path, headers=headers)
        return client.getresponse().status
