"""Pipelines that others would build for the same job, each at its best known settings."""

from collections.abc import Mapping

from benchmarks.peers.debezium import Debezium
from benchmarks.peers.flink import Flink
from benchmarks.peers.peer import Peer, PeerRun, TopicFormat
from benchmarks.peers.plain_script import PlainScript
from benchmarks.peers.pyspark_usual import PysparkUsual
from benchmarks.peers.quix import Quix

PEERS: Mapping[str, Peer] = {
    peer.name: peer for peer in (Debezium(), Flink(), Quix(), PysparkUsual(), PlainScript())
}

__all__ = ["PEERS", "Peer", "PeerRun", "TopicFormat"]
