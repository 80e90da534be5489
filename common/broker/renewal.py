"""Passwords that change while clients live: each client gets the new one before it connects again.

A rotation must restart nobody. Connections that are open stay; librdkafka takes another password at any
time, and uses it for the next connection.
"""

import contextlib
import os
import threading
import weakref
from typing import Protocol, TypeVar

from common.errors import ConfigurationError
from common.secret import PlacedSecret, read_secret
from common.settings import KafkaSettings

_EVERY_S = 1.0


class Client(Protocol):
    """One of librdkafka's clients."""

    def set_sasl_credentials(self, username: str, password: str, /) -> None:
        """Used from the next connection on."""


C = TypeVar("C", bound=Client)


class LoginWatch:
    """Whether the password of these settings has changed since the last look."""

    def __init__(self, settings: KafkaSettings) -> None:
        """``settings``: a password that is not in a file never changes."""
        secret = settings.kafka_sasl_password
        self._place = secret.place if isinstance(secret, PlacedSecret) else None
        self._known = secret.get_secret_value() if secret else ""

    def change(self) -> str | None:
        """The new password, once; None if it is the same, or cannot be read now."""
        if self._place is None:
            return None
        with contextlib.suppress(ConfigurationError):
            found = read_secret(self._place).get_secret_value()
            # a file that is being written is empty for a moment
            if found and found != self._known:
                self._known = found
                return found
        return None


class _Watched:
    """The clients of this process, each with its own watch."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._clients: weakref.WeakKeyDictionary[Client, tuple[str, LoginWatch]] = (
            weakref.WeakKeyDictionary()
        )
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name="logins", daemon=True).start()

    def add(self, client: Client, settings: KafkaSettings) -> None:
        with self._lock:
            self._clients[client] = (settings.kafka_sasl_username or "", LoginWatch(settings))

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(_EVERY_S):
            with self._lock:
                known = list(self._clients.items())
            for client, (user, watch) in known:
                if (password := watch.change()) is not None:
                    # one that is closed meanwhile needs no password
                    with contextlib.suppress(RuntimeError):
                        client.set_sasl_credentials(user, password)
            # else the loop's last client lives until the next round
            del known


_watched: list[_Watched] = []


def renewed(client: C, settings: KafkaSettings) -> C:
    """The same client, which from now on learns of a new password."""
    secret = settings.kafka_sasl_password
    if not isinstance(secret, PlacedSecret) or isinstance(secret.place, str):
        return client
    # a thread does not survive a fork
    if not _watched or _watched[0].process != os.getpid():
        _watched[:] = [_Watched()]
    _watched[0].add(client, settings)
    return client
