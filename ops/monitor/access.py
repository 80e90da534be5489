"""Access to the page: open on this machine, elsewhere only with the token."""

import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "vitals_monitor"
_OPEN = ("/live", "/ready", "/static/", "/vendor/", "/api/login", "/favicon.ico")
_HEADERS = {
    # uPlot places its legend with style attributes; scripts come only from this server
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def is_right(given: str | None, token: str | None) -> bool:
    """Whether no token is required, or this is the right one; compared in constant time."""
    if token is None:
        return True
    return given is not None and secrets.compare_digest(given.encode(), token.encode())


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
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Access:
    """Checks the token of each request. Not Starlette's base class: that one puts a queue between a
    stream and its listener.
    """  # noqa: D205 - one sentence and its reason

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        """``token`` None: no token is required."""
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """401 without the token; the page itself, which asks for it, is open."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        is_open = path == "/" or path.startswith(_OPEN)
        if is_open or is_right(_given(Request(scope)), self._token):
            await self._app(scope, receive, send)
        else:
            body = '{"error": "token needed"}'
            await Response(body, 401, media_type="application/json")(scope, receive, send)


def _given(request: Request) -> str | None:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    return bearer if scheme.lower() == "bearer" else request.cookies.get(COOKIE)
