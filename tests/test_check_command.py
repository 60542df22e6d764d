"""`dgtl check`: what it says of right networks, and of those that no search is spent on."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner, Result

from dgtl_ray.cli import app

pytestmark = pytest.mark.slow

RANDOM = np.random.default_rng(0)
FACTORIES = "tests.checked_networks:"


def dgtl(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def _save(
    path: Path,
    nodes: Sequence[Any],
    shapes: tuple[list[int], list[int]],
    weights: Mapping[str, Any],
    dtype: int = TensorProto.FLOAT,
) -> str:
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", dtype, shapes[0])],
        [helper.make_tensor_value_info("y", dtype, shapes[1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8), path
    )
    return str(path)


def _node(operator: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


def double(path: Path) -> str:
    weights = {"w": RANDOM.uniform(-1, 1, (1, 1, 3, 3))}
    shapes = ([1, 1, 8, 8], [1, 1, 6, 6])
    return _save(path, [_node("Conv", "x w", "y")], shapes, weights, TensorProto.DOUBLE)


def masked(path: Path) -> str:
    weights = {"m": np.arange(9) > 6, "k": np.float32(-np.inf)}
    return _save(path, [_node("Where", "m k x", "y")], ([2, 9], [2, 9]), weights)


def logarithm(path: Path) -> str:
    return _save(path, [_node("Log", "x", "y")], ([1, 8], [1, 8]), {})


def identity(path: Path) -> str:
    return _save(path, [_node("Identity", "x", "y")], ([2, 3], [2, 3]), {})


def quantised(path: Path) -> str:
    """A convolution between int8 roundings, which ONNX Runtime fuses to another computation."""
    nodes = [
        _node("QuantizeLinear", "x xs xz", "q"),
        _node("DequantizeLinear", "q xs xz", "d"),
        _node("DequantizeLinear", "w ws wz", "wd", axis=0),
        _node("Conv", "d wd", "c"),
        _node("QuantizeLinear", "c ys yz", "p"),
        _node("DequantizeLinear", "p ys yz", "y"),
    ]
    weights = {
        "xs": np.float32(0.02),
        "xz": np.uint8(128),
        "w": RANDOM.integers(-127, 128, (4, 8, 3, 3)).astype("int8"),
        "ws": np.full(4, 0.01, "float32"),
        "wz": np.zeros(4, "int8"),
        "ys": np.float32(0.1),
        "yz": np.uint8(128),
    }
    return _save(path, nodes, ([1, 8, 8, 8], [1, 4, 6, 6]), weights)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (double, ""),
        (masked, "output 0 is not finite on normal inputs, large inputs, inputs from 0 to 1"),
        (logarithm, "output 0 is not finite on normal inputs, large inputs: equal"),
        (identity, ""),
        (quantised, "within one step of quantisation"),
    ],
)
def test_right_networks(make: Any, said: str, tmp_path: Path) -> None:
    result = dgtl("check", make(tmp_path / "network.onnx"), "--json", str(tmp_path / "r.json"))
    assert result.exit_code == 0
    assert "network gives its framework's own answers" in result.output
    assert said in result.output
    assert json.loads((tmp_path / "r.json").read_text())["ok"] is True


@pytest.mark.parametrize("name", ["embedding", "parts", "named", "nothing_beside", "keywords"])
def test_right_factories(name: str) -> None:
    assert dgtl("check", FACTORIES + name).exit_code == 0


@pytest.mark.parametrize(
    ("command", "name", "message"),
    [
        ("check", "dropout", "answers change from run to run"),
        ("tune", "noise", "answers change from run to run"),
    ],
)
def test_what_no_search_is_spent_on(command: str, name: str, message: str, tmp_path: Path) -> None:
    where = ["--trials", "0", "--out", str(tmp_path / "run")] if command == "tune" else []
    result = dgtl(command, FACTORIES + name, *where)
    assert result.exit_code == 2
    assert message in result.output
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_tune(tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    result = dgtl("tune", identity(tmp_path / "network.onnx"), "--trials", "0", "--out", out)
    assert result.exit_code == 2
    assert "there is nothing to tune" in result.output
    assert not (tmp_path / "run").exists()
