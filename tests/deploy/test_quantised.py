"""Networks that are rounded to integers on the way, tuned layer by layer."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dgtl_ray.core.measurement import Status
from dgtl_ray.core.roles import BuildInput
from dgtl_ray.core.task import LayerTask
from dgtl_ray.deploy import compile_network, verify
from dgtl_ray.measure import LocalBuilder
from dgtl_ray.model import Network, TargetSpec, load_network
from dgtl_ray.space.sketches import read_design_space

SCALE, ZERO = np.float32(0.02), np.uint8(128)
WEIGHT_SCALE, WEIGHT_ZERO = np.full(8, 0.003, np.float32), np.zeros(8, np.int8)
STEP = np.float32(0.1)


def _rounded(name: str, scale: str) -> list[onnx.NodeProto]:
    """Nodes that round `name`, and make `name`_d of it."""
    return [
        helper.make_node("QuantizeLinear", [name, scale, "zero"], [f"{name}_q"]),
        helper.make_node("DequantizeLinear", [f"{name}_q", scale, "zero"], [f"{name}_d"]),
    ]


def _convolution(source: str, result: str) -> list[onnx.NodeProto]:
    weights = helper.make_node(
        "DequantizeLinear", ["w", "w_scale", "w_zero"], [f"{result}_w"], axis=0
    )
    return [weights, helper.make_node("Conv", [source, f"{result}_w"], [result])]


@pytest.fixture(scope="module")
def quantised(target: TargetSpec, tmp_path_factory: pytest.TempPathFactory) -> Network:
    """Two int8 convolutions, each between roundings, as quantisers write them."""
    random = np.random.default_rng(0)
    weights = {
        "scale": SCALE, "zero": ZERO, "step": STEP, "w_scale": WEIGHT_SCALE, "w_zero": WEIGHT_ZERO,
        "w": random.integers(-127, 128, (8, 8, 3, 3)).astype(np.int8),
    }  # fmt: skip
    nodes = [
        *_rounded("x", "scale"),
        *_convolution("x_d", "a"),
        *_rounded("a", "step"),
        *_convolution("a_d", "b"),
        *_rounded("b", "step"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8, 8, 8])],
        [helper.make_tensor_value_info("b_d", TensorProto.FLOAT, [1, 8, 4, 4])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    path = tmp_path_factory.mktemp("onnx") / "quantised.onnx"
    opset = helper.make_opsetid("", 13)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return load_network(path, target)


def _schedules(network: Network, target: TargetSpec) -> dict[str, str]:
    """One configuration of each layer, drawn from its design space."""

    def drawn(task: LayerTask) -> str:
        space = read_design_space(task, target.json)
        (row,) = space.sample(1, np.random.default_rng(0))
        return space.schedule_of(row)

    return {task.workload_key: drawn(task) for task in network.tasks}


def test_a_quantised_network_is_right_within_one_step(
    quantised: Network, target: TargetSpec
) -> None:
    module = compile_network(quantised, _schedules(quantised, target), target)
    assert verify(module, quantised).ok
    (inputs,) = quantised.example_inputs()
    found, (expected,) = module(inputs), quantised.reference((inputs,))
    assert isinstance(found, np.ndarray)
    assert np.abs(found - expected).max() <= STEP * 1.001
    assert len(np.unique(expected)) > 8  # not all of it at the ends


def test_a_built_layer_says_that_it_rounds(quantised: Network, target: TargetSpec) -> None:
    builder = LocalBuilder(timeout_s=120.0)
    try:
        for task in quantised.tasks:
            item = BuildInput(program=task.program, target=target.json, schedule="")
            result = builder.build(item)
            assert result.status is Status.OK, result.error
            assert result.artifact.rounds == ("_quantize" in task.name), task.name
    finally:
        builder.close()
