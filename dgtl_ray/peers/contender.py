"""A peer that is timed beside others."""

import json

from dgtl_ray.core.child import ChildContender
from dgtl_ray.peers.catalogue import Peer
from dgtl_ray.peers.kept import KeptNetwork


def peer_contender(
    peer: Peer, network: KeptNetwork, *, spec: str = "", threads: int, device: str = "cpu"
) -> ChildContender:
    """Runs a kept network by a peer, in a process of its own; a comparison calls it by its name.

    Args:
        peer: Who runs it.
        network: What is run.
        spec: What PyTorch loads it by.
        threads: On how many.
        device: Where, `cpu` or `cuda`; only PyTorch runs on the latter.
    """
    request = {
        "peer": peer.name,
        "folder": str(network.folder),
        "spec": spec,
        "threads": threads,
        "device": device,
    }
    return ChildContender(peer.name, "dgtl_ray.peers.server", [json.dumps(request)])
