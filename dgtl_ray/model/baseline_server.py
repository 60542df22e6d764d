"""The child process of a framework's contender: loads a network into its own framework.

`python -m dgtl_ray.model.baseline_server FRAMEWORK SPEC [DEVICE]`
"""

import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dgtl_ray.core.child_server import Run, serve
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.model import zoo
from dgtl_ray.model.specs import SpecKind, classify

if TYPE_CHECKING:
    from torch import Tensor, nn


def load(framework: str, spec: str, *device: str) -> Run:
    """One inference of a network by its own framework, on the device `cpu` or `cuda`.

    ONNX Runtime takes no device: it runs on the CPU.

    Raises:
        DgtlError: There is no such network, or the framework cannot load it.
    """
    warnings.simplefilter("ignore")
    return _LOADERS[framework](spec, *device)


def load_pytorch(spec: str, device: str) -> Run:
    """Eager, in eval mode, recording no gradients; inputs and weights are on the device already.

    Raises:
        DeviceError: PyTorch sees no GPU.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("this PyTorch sees no GPU: install a build of it for the GPU's driver")
    module, inputs = _torch_network(spec)
    module.eval().to(device)
    placed = [value.to(device) for value in inputs]

    def run() -> object:
        with torch.no_grad():
            result = module(*placed)
        if device == "cuda":
            torch.cuda.synchronize()
        return result

    return run


def load_onnxruntime(spec: str) -> Run:
    """On the CPU; a network of PyTorch's is exported to ONNX first."""
    if classify(spec) is SpecKind.ONNX:
        return _session(Path(spec))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        _export(spec, path)
        return _session(path)


_LOADERS: Mapping[str, Callable[..., Run]] = {
    "pytorch": load_pytorch,
    "onnxruntime": load_onnxruntime,
}


def _torch_network(spec: str) -> "tuple[nn.Module, tuple[Tensor, ...]]":
    from dgtl_ray.model.factory import call_factory

    return zoo.build(spec) if classify(spec) is SpecKind.BUILTIN else call_factory(spec)


def _export(spec: str, path: Path) -> None:
    import torch

    module, inputs = _torch_network(spec)
    torch.onnx.export(module.eval(), inputs, path, dynamo=True, verbose=False)


def _session(path: Path) -> Run:
    import onnxruntime

    from dgtl_ray.model.onnx_source import OnnxSource

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    feed = dict(zip(names, OnnxSource(path).example_inputs(seed=0), strict=True))
    return lambda: session.run(None, feed)


if __name__ == "__main__":
    sys.exit(serve(partial(load, *sys.argv[1:])))
