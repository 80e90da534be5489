"""Quix Streams: a sink of our own, since it has none for MySQL; one flat JSON reading per message."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers.environment import PEERS_FOLDER, python_environment
from benchmarks.peers.launch import describe, last_error, started
from benchmarks.peers.peer import PeerRun, Say, TopicFormat
from ops.stack import ChildProcess

_HERE = Path(__file__).parent
_ROWS = 1000
_COMMIT_EVERY = 10_000
_COMMIT_S, _PROMPT_COMMIT_S = 5.0, 0.1


class Quix:
    """One process: Quix Streams scales by running more of them."""

    name = "quix"
    topic_format = TopicFormat.FLAT_JSON
    settings: Mapping[str, str] = {
        "quixstreams": "3.28.1",
        "mysql-connector-python": "26.10.0, executemany as multi-row INSERT",
        "rows a statement": str(_ROWS),
        "commit_every": str(_COMMIT_EVERY),
        "commit_interval": f"{_COMMIT_S} s",
    }
    prompt_settings: Mapping[str, str] = {"commit_interval": f"{_PROMPT_COMMIT_S} s"}

    def __init__(self) -> None:
        """Installs nothing before `install`."""
        self._python = Path()

    def install(self, cache: Path, java: Path, say: Say) -> None:  # noqa: ARG002 - no Java in it
        """Creates its environment. Errors: see `Peer.install`."""
        folder = cache / PEERS_FOLDER / self.name / "venv"
        self._python = python_environment(folder, _HERE / "requirements.txt", say)

    def start(self, run: PeerRun) -> list[ChildProcess]:
        """Starts one process."""
        where = describe(
            run,
            self.name,
            rows=_ROWS,
            commit_every=_COMMIT_EVERY,
            commit_interval=_PROMPT_COMMIT_S if run.is_prompt else _COMMIT_S,
        )
        command = [str(self._python), str(_HERE / "application.py"), str(where)]
        return [started(run, self.name, command)]

    def complaint(self, run: PeerRun) -> str:
        """The last error that it logged, or the exception that ended it."""
        return last_error(run.folder, r"\[ERROR\]|^[\w.]*(Error|Exception)\b")
