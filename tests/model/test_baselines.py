"""Networks run by their own frameworks, each in a process of its own."""

import signal
import sys
from pathlib import Path

import psutil
import pytest
import torch
from torch import nn

from dgtl_ray.core.child import ChildContender
from dgtl_ray.core.errors import DgtlError, InputError
from dgtl_ray.model import onnxruntime_contender, pytorch_contender

SPEC = "tests.model.nets:with_own_inputs"


@pytest.fixture
def pytorch() -> ChildContender:
    contender = pytorch_contender(SPEC)
    assert contender is not None
    return contender


def test_pytorch_times_single_runs(pytorch: ChildContender) -> None:
    pytorch.start()
    few = pytorch.time_s(min_time_s=60.0, max_runs=3)
    many = pytorch.time_s(min_time_s=0.02, max_runs=100_000)
    pytorch.close()
    assert pytorch.name == "pytorch"
    assert len(few) == 3
    assert sum(many) >= 0.02
    assert min(few + many) > 0


@pytest.mark.parametrize("source", ["factory", "file"])
def test_onnx_runtime_runs_both_kinds_of_network(source: str, onnx_file: Path) -> None:
    contender = onnxruntime_contender(SPEC if source == "factory" else onnx_file)
    assert contender is not None
    contender.start()
    runs_s = contender.time_s(min_time_s=60.0, max_runs=2)
    contender.close()
    assert len(runs_s) == 2


def test_a_child_that_dies_is_an_error(pytorch: ChildContender) -> None:
    pytorch.start()
    (child,) = (p for p in psutil.Process().children() if SPEC in p.cmdline())
    child.send_signal(signal.SIGKILL)
    with pytest.raises(DgtlError, match="pytorch ended with status -9"):
        pytorch.time_s(min_time_s=1.0, max_runs=1)


def test_a_child_that_cannot_load_says_why() -> None:
    contender = pytorch_contender("tests.model.nets:raises")
    assert contender is not None
    with pytest.raises(DgtlError, match=r"raised RuntimeError: no weights found"):
        contender.start()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_pytorch_on_a_gpu_that_is_not_there_says_what_to_install() -> None:
    contender = pytorch_contender(SPEC, "cuda")
    assert contender is not None
    with pytest.raises(DgtlError, match="sees no GPU: install"):
        contender.start()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_pytorch_times_single_runs_on_a_gpu() -> None:
    contender = pytorch_contender(SPEC, "cuda")
    assert contender is not None
    contender.start()
    runs_s = contender.time_s(min_time_s=60.0, max_runs=3)
    contender.close()
    assert len(runs_s) == 3


def test_nothing_is_timed_before_the_start(pytorch: ChildContender) -> None:
    with pytest.raises(DgtlError, match="has to be started"):
        pytorch.time_s(min_time_s=1.0, max_runs=1)
    pytorch.close()


def test_what_no_other_process_can_load_has_no_contender(
    onnx_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pytorch_contender(nn.Linear(4, 2)) is None
    assert onnxruntime_contender(nn.Linear(4, 2)) is None
    assert pytorch_contender(onnx_file) is None
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr("dgtl_ray.model.baselines.find_spec", lambda _module: None)
    assert onnxruntime_contender(onnx_file) is None


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean vgg16"):
        pytorch_contender("vgg_16")
