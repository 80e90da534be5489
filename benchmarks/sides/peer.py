"""A peer of ``benchmarks.peers`` as a side."""

from benchmarks.peers import Peer, PeerRun
from benchmarks.stack import BenchmarkStack
from common.errors import UnavailableError
from ops.stack import ChildProcess


class PeerSide:
    """One peer on one topic; every start has its own folder."""

    def __init__(
        self,
        stack: BenchmarkStack,
        peer: Peer,
        topic: str,
        partitions: int,
        *,
        processes: int = 1,
        name: str = "",
        is_prompt: bool = False,
    ) -> None:
        """Starts nothing."""
        self.name = name or peer.name
        self._stack, self._peer, self._processes = stack, peer, processes
        self._topic, self._partitions, self._is_prompt = topic, partitions, is_prompt
        self._runs = 0
        self._run: PeerRun | None = None

    def start(self) -> list[ChildProcess]:
        """Installs what is missing, and starts what its users would start.

        Raises:
            VitalsError: it cannot be installed or started.
        """
        try:
            return self._started()
        except OSError as error:
            raise UnavailableError(f"cannot start {self.name}: {error}") from error

    def _started(self) -> list[ChildProcess]:
        self._peer.install(self._stack.cache, self._stack.java, lambda _: None)
        self._runs += 1
        folder = self._stack.folder / "peers" / f"{self._topic}-{self.name}-{self._runs}"
        folder.mkdir(parents=True)
        self._run = PeerRun(
            # their users' usual way, without TLS
            bootstrap_servers=self._stack.broker.plain_servers,
            topic=self._topic,
            partitions=self._partitions,
            database=self._stack.database,
            folder=folder,
            java=self._stack.java,
            environment=self._stack.environment,
            spark_jars=self._stack.spark_jars,
            processes=self._processes,
            is_prompt=self._is_prompt,
        )
        return self._peer.start(self._run)

    def complaint(self) -> str:
        """The last error that its logs show; empty before the first start."""
        return self._peer.complaint(self._run) if self._run else ""
