"""The child process of a peer's contender: `python -m dgtl_ray.peers.server REQUEST`."""

import json
import os
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dgtl_ray.core.child_server import Ready, serve
from dgtl_ray.core.errors import DgtlError
from dgtl_ray.core.example import Array, Example
from dgtl_ray.peers.catalogue import PEERS
from dgtl_ray.peers.kept import KeptNetwork
from dgtl_ray.peers.loaders import LOADERS, Inference

# Larger errors, relative to the largest answer, are no float32's, and what makes them no contender.
# Convolutions in TF32, PyTorch's default on a GPU, are allowed to be that.
_LARGEST_ERROR = {"cpu": 2e-3, "cuda": 5e-2}


def load(peer: str, folder: str, spec: str, threads: int, device: str) -> Ready:
    """A network that a peer has loaded, and how far its answers are from the right ones.

    Raises:
        DgtlError: The peer cannot load it, or its answers are wrong.
    """
    warnings.simplefilter("ignore")
    # Read by whatever runs on OpenMP, when it is loaded.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    network = KeptNetwork(Path(folder))
    run = _load(peer, network, spec, threads, device)
    error = Example.read(network.folder).error_of([_on_host(answer) for answer in run()])
    if error > _LARGEST_ERROR[device]:
        raise DgtlError(f"its answers are wrong: off by {error:.1e} of the largest")
    return Ready(run=run, largest_error=error)


def _on_host(answer: Any) -> Array:
    """An answer as an array: PyTorch's may be on a GPU."""
    array: Array = answer if isinstance(answer, np.ndarray) else answer.numpy(force=True)
    return array


def _load(peer: str, network: KeptNetwork, spec: str, threads: int, device: str) -> Inference:
    if not PEERS[peer].reads_onnx:
        from dgtl_ray.peers import torch_loaders

        return torch_loaders.LOADERS[peer](spec, network, threads, device)
    if not network.onnx.exists():
        raise DgtlError(f"there is no ONNX file of it: {network.why_no_onnx}")
    return LOADERS[peer](network, threads)


if __name__ == "__main__":
    sys.exit(serve(partial(load, **json.loads(sys.argv[1]))))
