"""The HTTP side: the page, its data, its stream of events."""

import asyncio
import threading
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from common.errors import VitalsError
from common.settings import DatabaseSettings
from common.times import DAY_MS
from db.connection import KeptConnection
from db.faults import reported
from ops.monitor.access import Access, SafeHeaders, add_signing_in, address_of, answer, session_of
from ops.monitor.board import Board
from ops.monitor.columns import columns
from ops.monitor.limits import SmallBodies
from ops.monitor.looks import Looks
from ops.monitor.patient import patient_as_dict
from ops.monitor.sessions import Attempts, Sessions
from ops.people.register import PageRole
from schemas.batch import is_patient_id
from schemas.cleaning.times import LAST_TIME_MS

STATIC = Path(__file__).with_name("static")
_LOOK_EVERY_S = 0.25
_ANSWER_S = 20
_LONGEST_SPAN_MS = 31 * DAY_MS
_UPLOT = "META-INF/resources/webjars/uplot/1.6.30/dist/"


def build_app(
    board: Board,
    *,
    sessions: Sessions,
    is_local: bool,
    uplot: Path,
    reader: DatabaseSettings,
    looks: DatabaseSettings,
    is_alive: Callable[[], bool],
) -> FastAPI:
    """The application. ``uplot``: the WebJar; ``looks``: the account that records who looks at
    patients; ``is_alive``: whether the poller still runs.
    """  # noqa: D205 - one sentence for each
    # no generated documentation: it would load scripts from elsewhere
    app = FastAPI(title="Vital signs", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Access, sessions=sessions)
    app.add_middleware(SmallBodies)
    app.add_middleware(GZipMiddleware, minimum_size=2_000)
    if is_local:
        # keeps out foreign pages whose name was made to resolve to this machine
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1", "[::1]"])
    app.add_middleware(SafeHeaders)
    app.add_exception_handler(RequestValidationError, _explain)
    _add_health(app, board, is_alive)
    add_signing_in(app, sessions, Attempts())
    _add_page(app, uplot)
    _add_data(app, board, reader, Looks(KeptConnection(looks, answer_seconds=_ANSWER_S)))
    _add_stream(app, board, sessions)
    return app


async def _explain(_: Request, error: Exception) -> Response:
    """400 with a sentence; what was sent is not repeated."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    found = [f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()]
    return answer({"error": "; ".join(found)}, 400)


def _add_health(app: FastAPI, board: Board, is_alive: Callable[[], bool]) -> None:
    @app.get("/live")
    def live() -> Response:
        return Response("alive\n") if is_alive() else Response("the poller has ended\n", 503)

    @app.get("/ready")
    def ready() -> Response:
        if not board.is_ready:
            return Response("nothing has been read yet\n", 503)
        return Response("ready\n")


def _add_page(app: FastAPI, uplot: Path) -> None:
    with zipfile.ZipFile(uplot) as jar:
        vendor = {
            "uplot.js": (jar.read(f"{_UPLOT}uPlot.iife.min.js"), "text/javascript"),
            "uplot.css": (jar.read(f"{_UPLOT}uPlot.min.css"), "text/css"),
        }

    @app.get("/")
    def index() -> Response:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    @app.get("/vendor/{name}")
    def vendor_file(name: str) -> Response:
        if name not in vendor:
            return Response(status_code=404)
        content, kind = vendor[name]
        return Response(content, media_type=kind, headers={"Cache-Control": "max-age=86400"})

    app.mount("/static", _Static(directory=STATIC), name="static")


class _Static(StaticFiles):
    """Revalidated by ETag on each load: after an upgrade no old module meets a new one."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        answer = super().file_response(*args, **kwargs)
        answer.headers["Cache-Control"] = "no-cache"
        return answer


def _add_data(app: FastAPI, board: Board, reader: DatabaseSettings, looks: Looks) -> None:
    connection = KeptConnection(reader, answer_seconds=_ANSWER_S)
    one_at_a_time = threading.Lock()
    rhythm = board.ward.rhythm
    head = {
        "window_ms": rhythm.window_ms,
        "interval_ms": rhythm.interval_ms,
        "columns": [asdict(column) for column in columns()],
    }

    @app.get("/api/ward")
    def ward() -> Response:
        _, tiles = board.tiles()
        return answer({"now": board.now_ms, **head, "patients": board.names(), "tiles": tiles})

    @app.get("/api/quarantine")
    def quarantine() -> Response:
        return answer(board.quarantine)

    # the path that we see is decoded: an id may have slashes
    @app.get("/api/patient/{patient_id:path}")
    def patient(
        request: Request,
        patient_id: str,
        begin: Annotated[int, Query(alias="from", ge=0, le=LAST_TIME_MS)],
        until: Annotated[int, Query(ge=0, le=LAST_TIME_MS)],
    ) -> Response:
        if not 0 < until - begin <= _LONGEST_SPAN_MS:
            return answer({"error": "from must be before until, by at most 31 days"}, 400)
        if not is_patient_id(patient_id):
            return answer({"error": "no such patient"}, 404)
        with one_at_a_time:
            try:
                with reported("read the readings of a patient"):
                    looks.record(session_of(request), patient_id, address_of(request))
                    found = patient_as_dict(
                        connection.get(), patient_id, begin, until, rhythm.interval_ms
                    )
            except VitalsError as error:
                # a late answer would be taken for that of the next statement
                connection.close()
                looks.close()
                return answer({"error": error.message}, 503)
        if found is None:
            return answer({"error": "no such patient"}, 404)
        return answer(found)


def _add_stream(app: FastAPI, board: Board, sessions: Sessions) -> None:
    @app.get("/api/stream")
    async def stream(request: Request) -> StreamingResponse:
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(
            _events(board, request, sessions), media_type="text/event-stream", headers=headers
        )


async def _events(board: Board, request: Request, sessions: Sessions) -> AsyncIterator[bytes]:
    """Changes since the last event, until the page disconnects or its session ends.

    A page opens this first and then loads the whole ward: changes in between are in both.
    """
    session = session_of(request)
    is_engineer = session.person.role is PageRole.ENGINEER
    alarms = sent = -1
    version, patients = board.version, len(board.ward)
    while sessions.is_open(session) and not await request.is_disconnected():
        sessions.keep(session)
        if board.version != sent:
            sent = board.version
            if len(board.ward) > patients:
                names = board.names(patients)
                yield _event("patients", {"patients": names})
                # not the ward's length: it may have grown while the page took this
                patients += len(names)
            # thousands of tiles take some ten milliseconds: not in the loop that serves all pages
            version, tiles = await asyncio.to_thread(board.tiles, version)
            yield _event("ward", {"now": board.now_ms, "tiles": tiles})
            if is_engineer:
                yield _event("pipeline", board.pipeline)
            if board.alarms_version != alarms:
                alarms = board.alarms_version
                yield _event("alarms", {"alarms": board.alarms})
        await asyncio.sleep(_LOOK_EVERY_S)


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"
