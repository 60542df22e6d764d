"""The tuned network beside the same network untuned and in its own framework."""

import tempfile
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dgtl_ray.deploy import (
    ModuleMetadata,
    compile_untuned,
    module_contender,
    save_module,
)
from dgtl_ray.measure.latency import Contender, compare_latency
from dgtl_ray.model import Network, TargetSpec, onnxruntime_contender, pytorch_contender

CONTENDERS = ("tuned", "untuned", "pytorch", "onnxruntime")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """End-to-end latencies measured in turn.

    Attributes:
        latency_s: Median seconds of one inference by contender, None where it is missing.
        notes: Why one is missing.
    """

    latency_s: dict[str, float | None]
    notes: tuple[str, ...]


def compare_network(
    spec: Any, network: Network, target: TargetSpec, module: Path, metadata: ModuleMetadata
) -> Comparison:
    """Time the tuned module, the untuned one, PyTorch and ONNX Runtime in turn.

    All run on the target's device; ONNX Runtime takes part on a CPU only.

    Args:
        spec: The network as the user named it; a `torch.nn.Module` has no PyTorch contender.
        network: The same, lowered.
        target: What it was tuned for.
        module: Folder of the tuned module.
        metadata: Of the tuned module; the untuned one gets the same.
    """
    with tempfile.TemporaryDirectory() as folder:
        untuned = Path(folder) / "untuned"
        save_module(compile_untuned(network, target), untuned, replace(metadata, history=()))
        contenders: list[Contender | None] = [
            module_contender("tuned", module),
            module_contender("untuned", untuned),
            pytorch_contender(spec, target.kind),
            onnxruntime_contender(spec) if target.kind == "cpu" else None,
        ]
        timed = compare_latency([one for one in contenders if one is not None])
    latency_s = {name: timed[name].median_s if name in timed else None for name in CONTENDERS}
    notes = [f"{name} was not timed: {one.error}" for name, one in timed.items() if one.error]
    if target.kind != "cpu":
        notes.append("onnxruntime was not timed: it is compared on CPUs only")
    elif find_spec("onnxruntime") is None:
        notes.append("onnxruntime was not timed: pip install 'dgtl_ray[baselines]'")
    return Comparison(latency_s=latency_s, notes=tuple(notes))


NO_COMPARISON = Comparison(latency_s=dict.fromkeys(CONTENDERS), notes=())
