"""What becomes of one graph: imported, checked, compiled by default, and compared."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from dgtl_ray.bench.graphs.outcome import Kind, Outcome
from dgtl_ray.core.errors import DgtlError
from dgtl_ray.core.seeds import stream
from dgtl_ray.deploy import compile_network
from dgtl_ray.model import load_network, parse_target
from dgtl_ray.model.checking.checking import check

Array = NDArray[Any]

_SEEDS = (0, 1)
# Largest difference that is rounding, relative to an output's largest element.
_TOLERANCE = {"float16": 2e-2, "float32": 1e-3, "float64": 1e-5}
_QUIET = 4  # only fatal errors


def examine(file: Path) -> Outcome:
    """Take a graph all the way to its answers, without a search."""
    try:
        expected = [_reference(file, seed) for seed in _SEEDS]
    except Exception as error:  # noqa: BLE001 - whatever it says, there is nothing to compare with
        return Outcome(kind=Kind.NO_REFERENCE, why=_line(error))
    tolerance = _tolerance(file)
    try:
        network = load_network(str(file), parse_target("cpu"))
        report = check(network, name_culprit=False)
        if not report.ok:
            return Outcome(kind=Kind.TOLD, why=report.message())
        compiled = compile_network(network, {}, parse_target("cpu"))
        for seed, reference in zip(_SEEDS, expected, strict=True):
            inputs = draw_inputs(file, seed)
            answers = compiled(*(inputs[name] for name in network.input_names))
            found = answers if isinstance(answers, tuple) else (answers,)
            if difference := _difference(found, reference, tolerance):
                return Outcome(kind=Kind.WRONG, why=difference)
    except DgtlError as error:
        return Outcome(kind=Kind.REFUSED, why=_line(error))
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return Outcome(kind=Kind.TRACEBACK, why=f"{type(error).__name__}: {_line(error)}")
    return Outcome(kind=Kind.RIGHT)


def draw_inputs(file: Path, seed: int) -> Mapping[str, Array]:
    """Floats between −2 and 2; integers that are small enough to be indices."""
    drawn = {}
    for value in onnx.load(file).graph.input:
        tensor = value.type.tensor_type
        shape = [dim.dim_value for dim in tensor.shape.dim]
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
        random = stream(seed, "inputs", value.name)
        if dtype.kind == "f":
            drawn[value.name] = random.uniform(-2.0, 2.0, shape).astype(dtype)
        else:
            drawn[value.name] = random.integers(0, 2 if dtype.kind == "b" else 3, shape).astype(
                dtype
            )
    return drawn


def _reference(file: Path, seed: int) -> list[Array]:
    """ONNX Runtime's answers, computed as the graph says."""
    onnxruntime.set_default_logger_severity(_QUIET)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, dict(draw_inputs(file, seed))))


def _tolerance(file: Path) -> float:
    """That of the least precise floats anywhere in the graph."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(file)).graph
    values = [*graph.input, *graph.value_info, *graph.output]
    codes = {value.type.tensor_type.elem_type for value in values}
    names = {np.dtype(onnx.helper.tensor_dtype_to_np_dtype(code)).name for code in codes}
    return max((_TOLERANCE[name] for name in names if name in _TOLERANCE), default=0.0)


def _difference(found: Sequence[Array], reference: Sequence[Array], tolerance: float) -> str:
    """What tells the answers apart, "" where nothing but rounding does."""
    if len(found) != len(reference):
        return f"{len(found)} outputs instead of {len(reference)}"
    for k, (array, right) in enumerate(zip(found, reference, strict=True)):
        if (array.shape, array.dtype) != (right.shape, right.dtype):
            return f"output {k}: {array.dtype} {array.shape} instead of {right.dtype} {right.shape}"
        if right.dtype.kind != "f":
            if not np.array_equal(array, right):
                return f"output {k}: {int((array != right).sum())} of {right.size} differ"
            continue
        error = _error(array.astype(float), right.astype(float))
        if error > tolerance:
            return f"output {k}: off by {error:.1e} of the largest"
    return ""


def _error(array: Array, right: Array) -> float:
    """Largest difference, relative to the largest element; equal NaN and infinities match."""
    finite = np.isfinite(right)
    if not np.array_equal(np.isfinite(array), finite):
        return float("inf")
    if not np.array_equal(array[~finite], right[~finite], equal_nan=True):
        return float("inf")
    scale = float(np.abs(right[finite]).max(initial=0.0)) or 1.0
    return float(np.abs(array[finite] - right[finite]).max(initial=0.0)) / scale


def _line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[-1][:300]
