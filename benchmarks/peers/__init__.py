"""Pipelines that others would build for the same job, each at its best known settings."""

from collections.abc import Mapping

from benchmarks.peers.peer import Peer, PeerRun, TopicFormat

PEERS: Mapping[str, Peer] = {}

__all__ = ["PEERS", "Peer", "PeerRun", "TopicFormat"]
