"""Logs in by SCRAM (RFC 5802, 7677): no password is sent, and the server proves that it knows ours."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable

_ITERATIONS = range(4_096, 16_385)
"""What Kafka lets an administrator choose."""


class ScramError(Exception):
    """The server's answer is not one of somebody who knows the password."""


def log_in(digest: str, user: str, password: str, ask: Callable[[bytes], bytes]) -> None:
    """``digest``: "sha512" or "sha256"; ``ask`` sends a message and returns the answer.

    Raises ScramError, and what ``ask`` raises.
    """
    nonce = secrets.token_urlsafe(24)
    name = user.replace("=", "=3D").replace(",", "=2C")
    began = f"n={name},r={nonce}"
    challenge = ask(f"n,,{began}".encode()).decode()
    fields = _fields(challenge)
    rounds = int(fields["i"]) if fields.get("i", "").isdecimal() else 0
    if not fields.get("r", "").startswith(nonce) or rounds not in _ITERATIONS:
        raise ScramError("an answer to another question")
    salt = base64.b64decode(fields.get("s", ""))
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, rounds)
    client_key = hmac.digest(salted, b"Client Key", digest)
    ended = f"c=biws,r={fields['r']}"
    all_said = f"{began},{challenge},{ended}".encode()
    signature = hmac.digest(hashlib.new(digest, client_key).digest(), all_said, digest)
    proof = bytes(ours ^ theirs for ours, theirs in zip(client_key, signature, strict=True))
    answer = _fields(ask(f"{ended},p={base64.b64encode(proof).decode()}".encode()).decode())
    server_key = hmac.digest(salted, b"Server Key", digest)
    expected = base64.b64encode(hmac.digest(server_key, all_said, digest)).decode()
    if not hmac.compare_digest(answer.get("v", ""), expected):
        raise ScramError("the server does not know the password")


def _fields(message: str) -> dict[str, str]:
    return {field[:1]: field[2:] for field in message.split(",") if field[1:2] == "="}
