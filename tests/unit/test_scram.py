"""SCRAM of our own, against a server written from RFC 5802; real brokers are in tests/security."""

import base64
import hashlib
import hmac

import pytest

from common.broker.scram import ScramError, log_in

SALT, ROUNDS = b"salt of the server", 4096


class Server:
    """Knows a password; ``changes`` spoil its answers."""

    def __init__(self, password, **changes):
        self.salted = hashlib.pbkdf2_hmac("sha512", password.encode(), SALT, ROUNDS)
        self.changes, self.said, self.is_sure = changes, [], False

    def __call__(self, message):
        text = message.decode()
        if not self.said:
            assert text.startswith("n,,")
            began = text.removeprefix("n,,")
            nonce = self.changes.get("nonce", began.partition(",r=")[2] + "more")
            salt, rounds = base64.b64encode(SALT).decode(), self.changes.get("rounds", ROUNDS)
            self.said = [began, f"r={nonce},s={salt},i={rounds}"]
            return self.said[1].encode()
        ended, _, proof = text.rpartition(",p=")
        said = ",".join([*self.said, ended]).encode()
        key = self.key(b"Client Key")
        signature = hmac.digest(hashlib.sha512(key).digest(), said, "sha512")
        own = bytes(left ^ right for left, right in zip(key, signature, strict=True))
        self.is_sure = base64.b64decode(proof) == own
        verdict = base64.b64encode(hmac.digest(self.key(b"Server Key"), said, "sha512"))
        return b"v=" + verdict

    def key(self, name):
        return hmac.digest(self.salted, name, "sha512")


@pytest.mark.parametrize("user", ["reader", "a=b,c"])
def test_both_prove_that_they_know_the_password(user):
    server = Server("right")
    log_in("sha512", user, "right", server)
    assert server.is_sure
    assert server.said[0].startswith("n=" + user.replace("=", "=3D").replace(",", "=2C"))


def test_a_server_that_does_not_know_the_password_is_refused():
    server = Server("another")
    with pytest.raises(ScramError, match="does not know the password"):
        log_in("sha512", "reader", "right", server)
    assert not server.is_sure


@pytest.mark.parametrize("changes", [{"nonce": "replayed"}, {"rounds": 1}, {"rounds": 10**9}])
def test_an_answer_to_another_question_is_refused(changes):
    """Few rounds would make the password easy to guess from what we send."""
    with pytest.raises(ScramError, match="an answer to another question"):
        log_in("sha512", "reader", "right", Server("right", **changes))
