"""Who may see what of the page: a session for everything, and the pipeline for engineers only."""

from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import UnavailableError
from ops.monitor.sessions import Attempts, Session, Sessions
from ops.people.register import PageRole

_OPEN = ("/static/", "/vendor/")
_OPEN_PATHS = frozenset(("/", "/live", "/ready", "/favicon.ico", "/api/login"))
_OF_VIEWERS = frozenset(("/api/me", "/api/logout", "/api/ward", "/api/stream"))
_PATIENTS = "/api/patient/"
_OWN_SITE = frozenset(("same-origin", "none"))
"""How a browser names a request of our own page, and one of the address bar."""
_HEADERS = {
    # uPlot places its legend with style attributes; scripts come only from this server
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_log = structlog.get_logger()


class SafeHeaders:
    """Sets the security headers of every answer, refusals included."""

    def __init__(self, app: ASGIApp) -> None:
        """Outside of everything else that answers."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if scope["path"].startswith("/api/"):
                    headers["Cache-Control"] = "no-store"
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Access:
    """Lets a request through whose session may make it. Not Starlette's base class: that one puts a
    queue between a stream and its listener.
    """  # noqa: D205 - one sentence and its reason

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        """``sessions``: those of this page."""
        self._app, self._sessions = app, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """401 without a session, 403 for what is not the person's; the form to sign in is open."""
        if scope["type"] == "http" and (refusal := self._refusal(scope)):
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        path = scope["path"]
        # another server of this host is the same site to a browser, which sends it our cookie
        site = Headers(scope=scope).get("sec-fetch-site", "none")
        if path.startswith("/api/") and site not in _OWN_SITE:
            return answer({"error": "another site's page may not ask"}, 403)
        if path in _OPEN_PATHS or path.startswith(_OPEN):
            return None
        try:
            session = self._sessions.use(Request(scope).cookies.get(self._sessions.cookie))
        except UnavailableError as error:
            return answer({"error": error.message}, 503)
        if session is None:
            return answer({"error": "sign in first"}, 401)
        is_for_all = path in _OF_VIEWERS or path.startswith(_PATIENTS)
        if session.person.role is not PageRole.ENGINEER and not is_for_all:
            return answer({"error": "only for engineers"}, 403)
        scope.setdefault("state", {})["session"] = session
        return None


class Given(BaseModel):
    """What the form sends."""

    secret: str


def add_signing_in(app: FastAPI, sessions: Sessions, attempts: Attempts) -> None:
    """The routes that begin and end a session, and say whose it is."""

    @app.post("/api/login")
    async def login(given: Given, request: Request) -> Response:
        address = address_of(request)
        if not attempts.may_try(address):
            _log.warning("sign_in_limited", address=address)
            return answer({"error": "too many wrong secrets"}, 429, {"Retry-After": "60"})
        try:
            person = sessions.people.register().holder(given.secret.strip())
        except UnavailableError as error:
            return answer({"error": error.message}, 503)
        if person is None:
            attempts.note_wrong(address)
            _log.warning("sign_in_refused", address=address)
            return answer({"error": "unknown secret"}, 401)
        entered = Response(status_code=204)
        # a session that the browser had before ends: nobody can have planted it
        sessions.end(request.cookies.get(sessions.cookie))
        key = sessions.begin(person)
        _set_cookie(entered, request, sessions.cookie, key, sessions.longest_s)
        return entered

    @app.post("/api/logout")
    async def logout(request: Request) -> Response:
        sessions.end(request.cookies.get(sessions.cookie))
        left = Response(status_code=204)
        _set_cookie(left, request, sessions.cookie, "", 0)
        return left

    @app.get("/api/me")
    async def me(request: Request) -> Response:
        person = session_of(request).person
        return answer({"name": person.name, "role": person.role})


def session_of(request: Request) -> Session:
    """The session that ``Access`` found."""
    session: Session = request.state.session
    return session


def address_of(request: Request) -> str:
    """From where the request came: through a proxy only if MONITOR_PROXY names it."""
    return request.client.host if request.client else ""


def answer(
    data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(data), status, headers, media_type="application/json")


def _set_cookie(response: Response, request: Request, name: str, key: str, age_s: float) -> None:
    response.set_cookie(
        name,
        key,
        max_age=int(age_s),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
