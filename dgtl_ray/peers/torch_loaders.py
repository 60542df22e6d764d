"""PyTorch as a peer: eager, and compiled with its weights frozen."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from dgtl_ray.core.errors import DeviceError, DgtlError
from dgtl_ray.core.example import Example
from dgtl_ray.peers.exporting import torch_network
from dgtl_ray.peers.kept import KeptNetwork
from dgtl_ray.peers.loaders import Inference

if TYPE_CHECKING:
    from torch import Tensor, nn

TorchLoader: TypeAlias = Callable[[str, KeptNetwork, int, str], Inference]


def load_pytorch(spec: str, network: KeptNetwork, threads: int, device: str) -> Inference:
    """Eager, in eval mode, recording no gradients; inputs and weights are on the device already.

    Raises:
        DeviceError: PyTorch sees no GPU.
    """
    return _inference(torch_network(spec)[0], network, threads, device)


def load_torch_compile(spec: str, network: KeptNetwork, threads: int, device: str) -> Inference:
    """Compiled by Inductor, which may fold, transform and pack the weights. Needs a C++ compiler.

    Raises:
        DeviceError: PyTorch sees no GPU.
        DgtlError: It runs the network, but not compiled.
    """
    import torch
    import torch._inductor.config as inductor
    from torch._dynamo.utils import counters

    inductor.freezing = True
    compiled: Any = torch.compile(torch_network(spec)[0])
    run = _inference(compiled, network, threads, device)
    run()
    if not counters["stats"]["unique_graphs"]:
        raise DgtlError("torch.compile left the network as it is")
    return run


LOADERS: Mapping[str, TorchLoader] = {
    "pytorch": load_pytorch,
    "torch_compile": load_torch_compile,
}


def _inference(module: "nn.Module", network: KeptNetwork, threads: int, device: str) -> Inference:
    import torch

    from dgtl_ray.model.outputs import flat_tensors

    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("this PyTorch sees no GPU: install a build of it for the GPU's driver")
    torch.set_num_threads(threads)
    module.to(device)
    arrays = Example.read(network.folder).inputs
    placed = [torch.from_numpy(array).to(device) for array in arrays]

    def run() -> "list[Tensor]":
        with torch.no_grad():
            results = list(flat_tensors(module(*placed)))
        if device == "cuda":
            torch.cuda.synchronize()
        return results

    return run
