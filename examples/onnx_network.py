"""Tune an ONNX file for this machine's CPU.

python examples/onnx_network.py [FOLDER [TRIALS]]
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import dgtl_ray


def write_network(file: Path) -> None:
    """A dense layer with an activation; any model of static shapes will do."""
    weight = np.random.default_rng(0).normal(size=(64, 32)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["h"]),
            helper.make_node("Relu", ["h"], ["y"]),
        ],
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [8, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [8, 32])],
        [numpy_helper.from_array(weight, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), file)


def main(folder: str = "runs/onnx", trials: str = "20") -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    file = Path(folder) / "dense.onnx"
    write_network(file)
    grid = dgtl_ray.Tuner(
        str(file),
        tune_config=dgtl_ray.TuneConfig(num_samples=int(trials)),
        run_config=dgtl_ray.RunConfig(storage_path=folder, name="tuned", compare=False),
    ).fit()
    tuned = dgtl_ray.load(grid.module_path)
    print("answers of shape", np.shape(tuned(np.ones((8, 64), np.float32))))


if __name__ == "__main__":
    main(*sys.argv[1:])
