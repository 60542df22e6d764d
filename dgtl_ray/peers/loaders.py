"""Each peer's way to load a kept network and to run it: float32, latency before throughput."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.core.example import Array, Example
from dgtl_ray.peers.conversion import mnn_file, ncnn_files
from dgtl_ray.peers.kept import KeptNetwork

# One inference on the example's inputs; its outputs, where they were computed.
Inference: TypeAlias = Callable[[], Sequence[Any]]


def load_onnxruntime(network: KeptNetwork, threads: int) -> Inference:
    """Its CPU provider with default optimisations."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(network.onnx), options, providers=["CPUExecutionProvider"]
    )
    names = [value.name for value in session.get_inputs()]
    feed = dict(zip(names, Example.read(network.folder).inputs, strict=True))
    return lambda: session.run(None, feed)


def load_openvino(network: KeptNetwork, threads: int) -> Inference:
    """Its CPU plug-in; by itself it would compute in bfloat16 where the processor can."""
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
    }
    core = import_module("openvino").Core()
    request = core.compile_model(network.onnx, "CPU", settings).create_infer_request()
    inputs = list(Example.read(network.folder).inputs)

    def run() -> Sequence[Array]:
        results = request.infer(inputs, share_inputs=True, share_outputs=True)
        return [results[k] for k in range(len(results))]

    return run


def load_mnn(network: KeptNetwork, threads: int) -> Inference:
    """On its CPU back end; "high" is float32."""
    nn, expr = import_module("MNN.nn"), import_module("MNN.expr")
    settings = {"backend": "CPU", "precision": "high", "numThread": threads}
    manager = nn.create_runtime_manager((settings,))
    module = nn.load_module_from_file(str(mnn_file(network)), [], [], runtime_manager=manager)
    inputs = [_mnn_variable(expr, array) for array in Example.read(network.folder).inputs]
    # Nothing is computed before it is read.
    return lambda: [output.read() for output in module.forward(inputs)]


def load_ncnn(network: KeptNetwork, threads: int) -> Inference:
    """On the CPU; its 16-bit options are on by default."""
    ncnn = import_module("ncnn")
    net = ncnn.Net()
    net.opt.num_threads = threads
    for option in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, f"use_{option}", False)
    graph, weights = ncnn_files(network)
    if net.load_param(str(graph)) or net.load_model(str(weights)):
        raise DgtlError("ncnn cannot load what pnnx made")
    names, results = list(net.input_names()), list(net.output_names())
    given = [_ncnn_matrix(ncnn, array) for array in Example.read(network.folder).inputs]

    def run() -> Sequence[Array]:
        with net.create_extractor() as extractor:
            for name, matrix in zip(names, given, strict=True):
                extractor.input(name, matrix)
            return [_ncnn_result(extractor, name) for name in results]

    return run


LOADERS: Mapping[str, Callable[[KeptNetwork, int], Inference]] = {
    "onnxruntime": load_onnxruntime,
    "openvino": load_openvino,
    "mnn": load_mnn,
    "ncnn": load_ncnn,
}


def _mnn_variable(expr: Any, array: Array) -> Any:
    kind = expr.float if array.dtype.kind == "f" else expr.int
    values = array.astype(np.float32 if array.dtype.kind == "f" else np.int32)
    return expr.const(values, list(values.shape), expr.NCHW, kind)


def _ncnn_matrix(ncnn: Any, array: Array) -> Any:
    """Without the axis of the batch, which ncnn does not have."""
    values = array.astype(np.float32 if array.dtype.kind == "f" else np.int32)
    return ncnn.Mat(values, batch_index=0).clone()


def _ncnn_result(extractor: Any, name: str) -> Array:
    status, matrix = extractor.extract(name)
    if status:
        raise DgtlError(f"ncnn cannot compute {name} (status {status})")
    result: Array = matrix.numpy(batch_index=0)
    return result
