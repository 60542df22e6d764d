"""The child process of a contender: loads a network into its own framework and times it.

`python -m dgtl_ray.model.baseline_server FRAMEWORK SPEC` answers each JSON line on its standard
input, `{"min_time_s": …, "max_runs": …}`, by `{"runs_s": […]}`; its first line says that it is
ready and has run once. `{"error": …}` in place of either is its last line.
"""

import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.model import zoo
from dgtl_ray.model.specs import SpecKind, classify

if TYPE_CHECKING:
    from torch import Tensor, nn

Run = Callable[[], Any]


def main() -> int:
    """Serve until the input ends; the exit status."""
    framework, spec = sys.argv[1:]
    replies = _claim_stdout()
    warnings.simplefilter("ignore")
    try:
        run = _LOADERS[framework](spec)
        run()
        _send(replies, {"ready": True})
        for line in sys.stdin:
            _send(replies, {"runs_s": _time(run, **json.loads(line))})
    except DgtlError as error:
        _send(replies, {"error": str(error)})
        return 1
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent reports it
        _send(replies, {"error": f"{type(error).__name__}: {error}"})
        return 1
    return 0


def load_pytorch(spec: str) -> Run:
    """Eager, in eval mode, recording no gradients."""
    import torch

    module, inputs = _torch_network(spec)
    module.eval()

    def run() -> object:
        with torch.no_grad():
            return module(*inputs)

    return run


def load_onnxruntime(spec: str) -> Run:
    """On the CPU; a network of PyTorch's is exported to ONNX first."""
    if classify(spec) is SpecKind.ONNX:
        return _session(Path(spec))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        _export(spec, path)
        return _session(path)


_LOADERS: Mapping[str, Callable[[str], Run]] = {
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


def _time(run: Run, min_time_s: float, max_runs: int) -> list[float]:
    run()
    runs_s: list[float] = []
    while not runs_s or (sum(runs_s) < min_time_s and len(runs_s) < max_runs):
        started = time.perf_counter()
        run()
        runs_s.append(time.perf_counter() - started)
    return runs_s


def _claim_stdout() -> IO[str]:
    """The protocol's channel; what libraries print goes to standard error instead."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return channel


def _send(channel: IO[str], message: Mapping[str, Any]) -> None:
    channel.write(json.dumps(message) + "\n")
    channel.flush()


if __name__ == "__main__":
    sys.exit(main())
