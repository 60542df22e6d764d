"""What a run says when another runtime is faster."""

from pathlib import Path

import pytest
from torch import nn

from dgtl_ray.model import load_network, parse_target
from dgtl_ray.peers import catalogue
from dgtl_ray.run import comparison
from dgtl_ray.run.comparison import NO_COMPARISON, verdict
from dgtl_ray.run.contenders import CONTENDERS, TITLES


def test_the_fastest_runtime_is_named_first() -> None:
    latency_s = {"tuned": 0.013, "onnxruntime": 0.012, "openvino": 0.010, "mnn": 0.02, "ncnn": None}
    said = verdict(latency_s)
    assert said.startswith(
        "OpenVINO is 1.30 times as fast as the tuned module after this search, ONNX Runtime 1.08"
    )
    assert "--resume and a longer --time-budget" in said
    assert "MNN" not in said


@pytest.mark.parametrize(
    "latency_s",
    [
        {"tuned": 0.010, "onnxruntime": 0.012},
        {"tuned": 0.0101, "onnxruntime": 0.010},  # within the noise
        {"tuned": None, "onnxruntime": 0.010},
        NO_COMPARISON.latency_s,
    ],
)
def test_nothing_is_said_where_none_is_faster(latency_s: dict[str, float | None]) -> None:
    assert not verdict(latency_s)


def test_every_contender_has_a_title() -> None:
    assert set(CONTENDERS) == set(TITLES)


def test_a_network_of_this_process_has_no_peers(tmp_path: Path) -> None:
    contenders, notes = comparison._peers(nn.Linear(4, 2), parse_target("cpu"), tmp_path)
    assert contenders == []
    assert notes == ["no other runtime was timed: the network exists in this process only"]


@pytest.mark.slow
def test_peers_that_are_missing_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "find_spec", {"torch": True}.get)
    contenders, notes = comparison._peers("tests.networks:tiny", parse_target("cpu"), tmp_path)
    assert [one.name for one in contenders] == ["pytorch"]
    (note,) = notes
    assert note.startswith("not installed, so not timed: ONNX Runtime, OpenVINO, MNN, ncnn")


@pytest.mark.slow
def test_a_network_of_another_framework_has_no_pytorch(onnx_net: Path, tmp_path: Path) -> None:
    contenders, _ = comparison._peers(onnx_net, parse_target("cpu"), tmp_path)
    assert "pytorch" not in [one.name for one in contenders]
    assert load_network(onnx_net, parse_target("cpu")).name == onnx_net.stem


@pytest.fixture
def onnx_net(tmp_path: Path) -> Path:
    from dgtl_ray.peers import keep_network

    file = tmp_path / "net.onnx"
    keep_network("tests.networks:tiny", tmp_path / "kept").onnx.rename(file)
    return file
