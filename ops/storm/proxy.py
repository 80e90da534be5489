"""A TCP proxy on the loopback that cuts, refuses and slows down connections."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from ops.stack.ports import LOOPBACK

_CHUNK_BYTES = 65_536
_CALL_SECONDS = 10
_ANSWER_SECONDS = 0.2
# a commit is the only thing that the connector sends in a TLS record of this length: 4 bytes of a
# packet's head, 7 of `COMMIT`, and 17 of TLS 1.3; after it the outcome is open
_COMMIT = bytes([23, 3, 3, 0, 4 + 7 + 17])

T = TypeVar("T")


class LostCommit(StrEnum):
    """Which part of a COMMIT is lost with its connection."""

    REQUEST = "request"
    """The server never sees it and rolls back."""
    ANSWER = "answer"
    """The server commits, and the client does not learn of it."""


@dataclass(eq=False)
class _Passage:
    """One connection: from a client to us, and from us to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    is_mute: bool = False
    """Whether what the server sends is dropped."""

    def cut(self) -> None:
        self.client.transport.abort()
        self.server.transport.abort()


class TcpProxy:
    """Forwards to a port that may change (a restarted server keeps its proxy).

    Guarantee: bytes pass unchanged and in order, or the connection is cut; nothing is made up.
    """

    def __init__(self, target: Callable[[], int | None]) -> None:
        """``target``: the server's current port; if it is None or nobody listens, the client is cut."""
        self.delay_seconds = 0.0
        """How long each piece of data waits before it is passed on."""
        self.is_refusing = False
        """Whether new connections are cut at once."""
        self.port = 0
        self._target = target
        self._passages: set[_Passage] = set()
        self._lost_commit: LostCommit | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Listens on a free port: `port`."""
        self._thread.start()
        server = self._call(asyncio.start_server(self._serve, LOOPBACK, 0))
        self.port = server.sockets[0].getsockname()[1]

    def cut(self) -> int:
        """Cuts all connections now, in mid-stream; returns how many."""
        return self._call(self._cut())

    def lose_commit(self, how: LostCommit | None) -> None:
        """Cuts the connection that commits next; None: the next COMMIT passes after all."""
        self._lost_commit = how

    @property
    def has_lost_commit(self) -> bool:
        """Whether the COMMIT that `lose_commit` waits for has come."""
        return self._lost_commit is None

    def close(self) -> None:
        """Ends everything; safe to repeat."""
        if self._thread.is_alive():
            self._call(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_CALL_SECONDS)

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_CALL_SECONDS)

    async def _cut(self) -> int:
        count = len(self._passages)
        for passage in list(self._passages):
            passage.cut()
        return count

    async def _end(self) -> None:
        await self._cut()
        # a task that nobody has awaited complains when it is collected, in the middle of something else
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self._target()
        if self.is_refusing or port is None:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            writer.transport.abort()
            return
        passage = _Passage(writer, server_writer)
        self._passages.add(passage)
        try:
            await asyncio.gather(
                self._forward_requests(reader, passage),
                self._forward_answers(server_reader, passage),
            )
        finally:
            self._passages.discard(passage)
            passage.cut()

    async def _forward_requests(self, reader: asyncio.StreamReader, passage: _Passage) -> None:
        with contextlib.suppress(OSError):
            while data := await self._read(reader):
                if self._lost_commit and _COMMIT in data:
                    await self._lose(data, passage)
                    return
                passage.server.write(data)
                await passage.server.drain()
        # the client has gone: nobody reads what the server still sends
        passage.server.close()

    async def _forward_answers(self, reader: asyncio.StreamReader, passage: _Passage) -> None:
        with contextlib.suppress(OSError):
            while data := await self._read(reader):
                if not passage.is_mute:
                    passage.client.write(data)
                    await passage.client.drain()
        passage.client.close()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        data = await reader.read(_CHUNK_BYTES)
        if data and self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        return data

    async def _lose(self, commit: bytes, passage: _Passage) -> None:
        how, self._lost_commit = self._lost_commit, None
        if how is LostCommit.ANSWER:
            passage.is_mute = True
            passage.server.write(commit)
            await asyncio.sleep(_ANSWER_SECONDS)
        passage.cut()
