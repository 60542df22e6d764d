"""Other runtimes that users have: the same network run by each, in a process of its own.

All get the same input, compute in float32 on the same number of threads, one inference at a time,
and are checked against the network's own framework before they are timed.
"""

from dgtl_ray.peers.catalogue import PEERS, Peer, installed, missing_note
from dgtl_ray.peers.contender import peer_contender
from dgtl_ray.peers.kept import KeptNetwork, keep_network

__all__ = [
    "PEERS",
    "KeptNetwork",
    "Peer",
    "installed",
    "keep_network",
    "missing_note",
    "peer_contender",
]
