"""Sessions of the page: begun with a person's secret, held in this process alone."""

import secrets
import time
from collections import Counter, deque
from dataclasses import dataclass, field

from ops.people.register import People, Person

_ID_BYTES = 32
_MOST_SESSIONS = 1_000
_WRONG_WITHIN_S = 60.0


@dataclass(eq=False)
class Session:
    """One sign-in of one person."""

    person: Person
    begun: float
    used: float
    is_ended: bool = False
    looked: dict[str, float] = field(default_factory=dict)
    """When the last row about a patient was written; see ``ops.monitor.looks``."""


class Sessions:
    """All of them, by their random id. Used by the event loop alone."""

    def __init__(self, people: People, *, idle_s: float, longest_s: float) -> None:
        """``idle_s``: ends a session that no page uses; ``longest_s``: ends any session."""
        self.people = people
        self._idle_s, self.longest_s = idle_s, longest_s
        self._sessions: dict[str, Session] = {}

    @property
    def cookie(self) -> str:
        """The name of the cookie: a browser sends it to every port of this host."""
        return f"vitals-{self.people.register().instance}"

    def begin(self, person: Person) -> str:
        """A new session; returns its id. Beyond the cap the oldest one ends."""
        self._sessions = {
            key: session for key, session in self._sessions.items() if self.is_open(session)
        }
        while len(self._sessions) >= _MOST_SESSIONS:
            self.end(next(iter(self._sessions)))
        now, key = time.monotonic(), secrets.token_urlsafe(_ID_BYTES)
        self._sessions[key] = Session(person, now, now)
        return key

    def use(self, key: str | None) -> Session | None:
        """The open session of this id. Raises UnavailableError as ``People.register``."""
        session = self._sessions.get(key) if key else None
        if session is None or not self.is_open(session):
            return None
        self.keep(session)
        return session

    def keep(self, session: Session) -> None:
        """It is in use now: an open page asks, or listens."""
        session.used = time.monotonic()

    def is_open(self, session: Session) -> bool:
        """Whether it goes on: not too old, not idle, and its person has not been removed."""
        if session.is_ended:
            return False
        now = time.monotonic()
        is_young = now - session.begun < self.longest_s and now - session.used < self._idle_s
        return is_young and session.person in self.people.register().people

    def end(self, key: str | None) -> None:
        """Signs out; safe to repeat."""
        if key and (session := self._sessions.pop(key, None)):
            # its streams see it
            session.is_ended = True


class Attempts:
    """Wrong secrets of the last minute: beyond the limits no secret is tried."""

    def __init__(self, *, of_an_address: int = 10, of_all: int = 100) -> None:
        """The most that are tried in a minute."""
        self._of_an_address, self._of_all = of_an_address, of_all
        self._wrong: deque[tuple[float, str]] = deque()
        self._count: Counter[str] = Counter()

    def may_try(self, address: str) -> bool:
        """Whether this address may try a secret now."""
        while self._wrong and time.monotonic() - self._wrong[0][0] > _WRONG_WITHIN_S:
            _, old = self._wrong.popleft()
            self._count[old] -= 1
            self._count += Counter()
        return self._count[address] < self._of_an_address and len(self._wrong) < self._of_all

    def note_wrong(self, address: str) -> None:
        """A wrong secret came from this address."""
        self._wrong.append((time.monotonic(), address))
        self._count[address] += 1
