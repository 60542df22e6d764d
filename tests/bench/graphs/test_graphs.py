"""Random graphs: valid and the same for a seed; what goes wrong is told apart and cut down."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dgtl_ray.bench import run_bench
from dgtl_ray.bench.graphs import examiner as examiner_module
from dgtl_ray.bench.graphs import examining
from dgtl_ray.bench.graphs.examiner import Examiner
from dgtl_ray.bench.graphs.examining import examine
from dgtl_ray.bench.graphs.making import FAMILIES, make_graph
from dgtl_ray.bench.graphs.minimising import minimise
from dgtl_ray.bench.graphs.outcome import BAD, Kind, Outcome


def test_graphs_are_valid_and_of_3_nodes_or_more() -> None:
    for number in range(40):
        model = make_graph(7, number)
        onnx.checker.check_model(model, full_check=True)
        assert 3 <= len(model.graph.node) <= 12
        assert model.graph.input


def test_a_seed_gives_the_same_graphs() -> None:
    once, again = (
        [make_graph(3, number).SerializeToString() for number in range(10)] for _ in range(2)
    )
    assert once == again
    assert once != [make_graph(4, number).SerializeToString() for number in range(10)]


def test_every_operator_is_drawn_in_many_graphs() -> None:
    kinds = {node.op_type for number in range(400) for node in make_graph(0, number).graph.node}
    assert len(kinds) > 95
    assert kinds >= {"Conv", "ConvTranspose", "Resize", "LSTM", "Where", "Einsum", "TopK"}
    assert len({operator for _, family in FAMILIES for operator in family}) > 45


def _model(*operators: str) -> onnx.ModelProto:
    """A chain of operators on a vector."""
    names = [f"v{k}" for k in range(len(operators) + 1)]
    graph = helper.make_graph(
        [
            helper.make_node(operator, [names[k]], [names[k + 1]])
            for k, operator in enumerate(operators)
        ],
        "chain",
        [helper.make_tensor_value_info("v0", TensorProto.FLOAT, [3])],
        [helper.make_tensor_value_info(names[-1], TensorProto.FLOAT, [3])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def test_a_graph_is_cut_to_what_fails() -> None:
    def fails(part: onnx.ModelProto) -> bool:
        operators = [node.op_type for node in part.graph.node]
        return "Sin" in operators and "Tanh" in operators

    smallest = minimise(_model("Relu", "Neg", "Sin", "Abs", "Tanh", "Cos"), fails)
    assert [node.op_type for node in smallest.graph.node] == ["Sin", "Abs", "Tanh"]
    onnx.checker.check_model(smallest)


@pytest.mark.slow
def test_what_becomes_of_a_graph_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "chain.onnx"
    onnx.save(_model("Relu", "Sin"), file)
    assert examine(file) == Outcome(kind=Kind.RIGHT)

    def compiled(answer: Callable[..., object]) -> None:
        monkeypatch.setattr(examining, "compile_network", lambda *_: answer)

    compiled(np.sin)
    assert examine(file).kind is Kind.WRONG
    compiled(lambda x: np.sin(np.maximum(x, 0)).astype("float64"))
    assert "float64" in examine(file).why
    compiled(lambda x: x.no_such_thing)
    assert examine(file).kind is Kind.TRACEBACK
    onnx.save(_model("Relu", "HardSigmoid", "NoSuchOperator"), file)
    assert examine(file).kind is Kind.NO_REFERENCE


@pytest.mark.slow
def test_a_crash_costs_one_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examiner_module, "_SERVER", "tests.bench.graphs.fake_server")
    outcomes: dict[str, Outcome] = {}
    with closing(Examiner(tmp_path)) as examiner:
        for name in ("first", "crash", "next", "hang", "last"):
            # Only what never answers is waited for in vain.
            monkeypatch.setattr(examiner_module, "_LIMIT_S", 1.0 if name == "hang" else 60.0)
            outcomes[name] = examiner.examine(_model("Sin"), name)
    kinds = [outcome.kind for outcome in outcomes.values()]
    assert kinds == [Kind.RIGHT, Kind.CRASH, Kind.RIGHT, Kind.HANG, Kind.RIGHT]
    assert "status -9" in outcomes["crash"].why
    assert (tmp_path / "crash.onnx").exists()


@pytest.mark.slow
def test_bench_graphs_counts() -> None:
    report = run_bench("graphs", quick=True, seed=1, count=2)
    assert sum(report.figures[kind.value] for kind in Kind) == 2
    assert report.figures["must be 0"] == sum(report.figures[kind.value] for kind in BAD)
