"""What one connection and one request may cost the page, whoever is at its other end."""

import asyncio
from collections.abc import Sequence
from typing import Any

import h11
import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_BODY_BYTES = 4096
MOST_HEAD_BYTES = 16_384
MOST_CONNECTIONS = 256
WHOLE_REQUEST_S = 10.0
_IDLE_S = 5


class BoundedConnection(H11Protocol):
    """A connection that is dropped beyond the cap, or when a request is not complete in time.

    uvicorn limits only how long a connection may be idle between requests.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the time for the first request, or drops the connection."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self._expect_request()

    def data_received(self, data: bytes) -> None:
        """Stops the time once a request is complete; a part of the next one starts it again."""
        super().data_received(data)
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._expect_request()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(WHOLE_REQUEST_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class SmallBodies:
    """Reads a request's body before anything else sees it; 413 for one that is too large.

    The rest of such a body is not read.
    """

    def __init__(self, app: ASGIApp) -> None:
        """``app`` gets only complete requests."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        body, is_whole = b"", False
        while not is_whole and max(len(body), int(declared)) <= MOST_BODY_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            is_whole = not message.get("more_body", False)
        if max(len(body), int(declared)) > MOST_BODY_BYTES:
            text = f'{{"error": "a request may have at most {MOST_BODY_BYTES} bytes"}}'
            headers = {"Connection": "close"}
            refusal = Response(text, 413, headers, media_type="application/json")
            await refusal(scope, receive, send)
            return
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def body_first() -> Message:
            return unread.pop() if unread else await receive()

        await self._app(scope, body_first, send)


def bounded_server(app: ASGIApp, *, proxies: Sequence[str] = (), **options: Any) -> uvicorn.Server:
    """A server with these limits; ``options`` are uvicorn's. Nothing listens yet.

    ``proxies``: whose X-Forwarded-For and X-Forwarded-Proto count; nobody else's do.
    """
    config = uvicorn.Config(
        app,
        http=BoundedConnection,
        ws="none",
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=2,
        # no access log: an address holds a patient's id
        access_log=False,
        log_config=None,
        server_header=False,
        # given in any case: else uvicorn trusts this machine, and FORWARDED_ALLOW_IPS
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        **options,
    )
    return uvicorn.Server(config)
