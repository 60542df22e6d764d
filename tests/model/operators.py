"""Graphs of single ONNX operators, many in one, run as we import them and as ONNX Runtime does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tvm
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from dgtl_ray.model import TargetSpec, load_network

Array = NDArray[Any]


class Graph:
    """A graph of independent nodes."""

    def __init__(self, opset: int, seed: int = 0) -> None:
        self._opset = opset
        self._random = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._inputs: dict[str, Array] = {}
        self._kinds: dict[str, str] = {}

    def floats(self, *shape: int) -> Array:
        return self._random.uniform(-1, 1, shape).astype(np.float32)

    def node(
        self,
        operator: str,
        inputs: Sequence[Array | str | None],
        *,
        outputs: int = 1,
        domain: str = "",
        of: Sequence[str] = (),
        **attributes: Any,
    ) -> None:
        """Arrays become inputs of the graph; what is known beforehand is a text, see `weight`.

        `of` has the dtypes of the outputs where they are not float32.
        """
        name = f"{operator}{len(self._nodes)}"
        names = []
        for k, value in enumerate(inputs):
            if value is None or isinstance(value, str):
                names.append(value or "")
                continue
            key = next((key for key, known in self._inputs.items() if known is value), "")
            names.append(key or f"{name}_in{k}")
            self._inputs[names[-1]] = value
        results = [f"{name}_out{k}" for k in range(outputs)]
        self._kinds.update(zip(results, of, strict=False))
        self._nodes.append(
            helper.make_node(operator, names, results, name=name, domain=domain, **attributes)
        )

    def weight(self, value: Any) -> str:
        name = f"weight{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def save(self, path: Path, shapes: Sequence[Sequence[int] | None] = ()) -> Path:
        """Writes it; `shapes` are those of the outputs, by order."""
        kinds = {k: helper.np_dtype_to_tensor_dtype(v.dtype) for k, v in self._inputs.items()}
        names = [name for node in self._nodes for name in node.output]
        known = [*shapes, *[()] * len(names)]
        graph = helper.make_graph(
            self._nodes,
            "graph",
            [helper.make_tensor_value_info(k, kinds[k], v.shape) for k, v in self._inputs.items()],
            [
                helper.make_tensor_value_info(name, self._kind(name), shape)
                for name, shape in zip(names, known, strict=False)
            ],
            self._weights,
        )
        versions = [helper.make_opsetid("", self._opset), helper.make_opsetid("com.microsoft", 1)]
        onnx.save(helper.make_model(graph, opset_imports=versions, ir_version=10), path)
        return path

    def _kind(self, name: str) -> int:
        kind = np.dtype(self._kinds.get(name, "float32"))
        return int(helper.np_dtype_to_tensor_dtype(kind))

    def wrong(self, path: Path, cpu: TargetSpec) -> dict[str, str]:
        """The outputs that differ from ONNX Runtime's, with how."""
        expected = self._expected(self.save(path, [None] * len(self._nodes) * 4))
        network = load_network(self.save(path, [array.shape for array in expected]), cpu)
        executable = tvm.compile(network.module, target=tvm.target.Target(cpu.json))
        arrays = [self._inputs[name] for name in network.input_names]
        outputs = tvm.relax.VirtualMachine(executable, tvm.cpu())["main"](
            *(tvm.runtime.tensor(array) for array in arrays)
        )
        flat = [outputs] if hasattr(outputs, "numpy") else list(outputs)
        names = [name for node in self._nodes for name in node.output]
        pairs = zip(names, (one.numpy() for one in flat), expected, strict=True)
        return {name: said for name, ours, theirs in pairs if (said := differs(ours, theirs))}

    def _expected(self, path: Path) -> list[Array]:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        return list(session.run(None, self._inputs))


def differs(ours: Array, theirs: Array) -> str:
    if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
        return f"{ours.dtype}{ours.shape}, not {theirs.dtype}{theirs.shape}"
    rounding = 2e-3 if ours.dtype == np.float16 else 1e-4
    if np.allclose(ours, theirs, rtol=rounding, atol=rounding / 5, equal_nan=True):
        return ""
    return f"by {np.abs(ours.astype(float) - theirs.astype(float)).max()}"
