"""A network run by other runtimes, each in a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from dgtl_ray.core.child import ChildContender
from dgtl_ray.core.errors import DgtlError
from dgtl_ray.core.example import Example
from dgtl_ray.measure.latency import compare_latency
from dgtl_ray.peers import (
    PEERS,
    KeptNetwork,
    catalogue,
    conversion,
    installed,
    missing_note,
    peer_contender,
)
from dgtl_ray.peers.conversion import mnn_file
from dgtl_ray.peers.torch_loaders import load_pytorch
from tests.peers.conftest import SPEC


def contender(
    peer: str, kept: KeptNetwork, spec: str = SPEC, device: str = "cpu"
) -> ChildContender:
    return peer_contender(PEERS[peer], kept, spec=spec, threads=1, device=device)


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.long
def test_torch_compiles_for_real(kept: KeptNetwork) -> None:
    one = contender("torch_compile", kept)
    one.start()
    one.close()
    assert one.largest_error is not None
    assert one.largest_error < 1e-4


@pytest.mark.parametrize(
    "peer", [name for name in PEERS if name != "torch_compile" and PEERS[name].is_installed]
)
def test_it_gives_the_networks_answers_and_times_single_runs(peer: str, kept: KeptNetwork) -> None:
    one = contender(peer, kept)
    one.start()
    few = one.time_s(min_time_s=60.0, max_runs=3)
    many = one.time_s(min_time_s=0.02, max_runs=100_000)
    one.close()
    assert one.name == peer
    assert one.largest_error is not None
    assert one.largest_error < 1e-4
    assert len(few) == 3
    assert sum(many) >= 0.02
    assert min(few + many) > 0


def test_one_that_crashes_is_an_error(kept: KeptNetwork) -> None:
    one = contender("onnxruntime", kept)
    one.start()
    (child,) = (p for p in psutil.Process().children() if "dgtl_ray.peers.server" in p.cmdline())
    child.send_signal(signal.SIGKILL)
    with pytest.raises(DgtlError, match="onnxruntime ended with status -9"):
        one.time_s(min_time_s=1.0, max_runs=1)
    one.close()


def test_wrong_answers_are_no_contender(kept: KeptNetwork, tmp_path: Path) -> None:
    shutil.copy(kept.onnx, tmp_path)
    example = Example.read(kept.folder)
    Example(inputs=example.inputs, outputs=(example.outputs[0] * np.float32(1.1),)).save(tmp_path)
    right, wrong = contender("onnxruntime", kept), contender("pytorch", KeptNetwork(tmp_path))
    timed = compare_latency([right, wrong], rounds=1, min_time_s=0.0, settle_s=0.0)
    assert timed["onnxruntime"].runs == 1
    assert "its answers are wrong: off by 9.1e-02" in timed["pytorch"].error


def test_a_network_without_an_onnx_file_says_why(kept: KeptNetwork, tmp_path: Path) -> None:
    Example.read(kept.folder).save(tmp_path)
    KeptNetwork(tmp_path).note_no_onnx("an operator is unknown")
    with pytest.raises(DgtlError, match="no ONNX file of it: an operator is unknown"):
        contender("onnxruntime", KeptNetwork(tmp_path)).start()


@pytest.mark.skipif(not PEERS["mnn"].is_installed, reason="MNN is not installed")
def test_what_a_converter_does_not_take_says_so(kept: KeptNetwork, tmp_path: Path) -> None:
    Example.read(kept.folder).save(tmp_path)
    KeptNetwork(tmp_path).onnx.write_text("no ONNX")
    with pytest.raises(DgtlError, match="MNN's converter cannot convert it"):
        contender("mnn", KeptNetwork(tmp_path)).start()


@pytest.mark.skipif(not PEERS["mnn"].is_installed, reason="MNN is not installed")
def test_converting_installs_nothing(
    kept: KeptNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MNN's own program runs `pip install` where a package of its logger is missing."""
    programs, asked = tmp_path / "bin", tmp_path / "asked"
    programs.mkdir()
    for name in ("pip", "pip3"):
        (programs / name).write_text(f"#!/bin/sh\necho $* >> {asked}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    network = tmp_path / "network"
    network.mkdir()
    shutil.copy(kept.onnx, network)
    assert mnn_file(KeptNetwork(network)).stat().st_size > 0
    assert not asked.exists()


_OWNER = """
import sys
from pathlib import Path
from dgtl_ray.peers.conversion import _run
_run("the converter", ["sh", "-c", sys.argv[1]], Path(sys.argv[2]) / "result")
"""


def test_what_a_converter_starts_ends_with_whoever_wants_the_result(tmp_path: Path) -> None:
    """Also what its program starts: pnnx is one that starts another."""
    note = tmp_path / "process"
    script = f"sleep 600 & echo $! > {note}.new; mv {note}.new {note}; wait"
    owner = subprocess.Popen([sys.executable, "-c", _OWNER, script, str(tmp_path)])
    try:
        wait_until(note.exists)
        sleeper = psutil.Process(int(note.read_text()))
    finally:
        owner.kill()
        owner.wait()
    wait_until(lambda: not sleeper.is_running() or sleeper.status() == psutil.STATUS_ZOMBIE)


def wait_until(is_so: Callable[[], bool], limit_s: float = 20.0) -> None:
    give_up = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_a_converter_has_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "_LIMIT_S", 0.1)
    with pytest.raises(DgtlError, match=r"the converter takes longer than 0.1 s"):
        conversion._run("the converter", ["sleep", "600"], tmp_path / "result")


def test_one_that_cannot_load_says_why(kept: KeptNetwork) -> None:
    with pytest.raises(DgtlError, match=r"no missing"):
        contender("pytorch", kept, "tests.networks:missing").start()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_pytorch_on_a_gpu_that_is_not_there_says_what_to_install(kept: KeptNetwork) -> None:
    with pytest.raises(DgtlError, match="sees no GPU: install"):
        contender("pytorch", kept, device="cuda").start()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_pytorch_times_single_runs_on_a_gpu(kept: KeptNetwork) -> None:
    one = contender("pytorch", kept, device="cuda")
    one.start()
    runs_s = one.time_s(min_time_s=60.0, max_runs=3)
    one.close()
    assert len(runs_s) == 3


def test_nothing_is_timed_before_the_start(kept: KeptNetwork) -> None:
    with pytest.raises(DgtlError, match="has to be started"):
        contender("pytorch", kept).time_s(min_time_s=1.0, max_runs=1)


def test_what_is_not_installed_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"torch": True, "onnx": True, "onnxruntime": True, "ncnn": True}
    monkeypatch.setattr(catalogue, "find_spec", there.get)
    monkeypatch.setattr("shutil.which", lambda *_args, **_kwargs: None)
    assert [peer.name for peer in installed(list(PEERS))] == [
        "onnxruntime",
        "pytorch",
        "torch_compile",
    ]
    note = missing_note(list(PEERS))
    assert (
        note
        == "not installed, so not timed: OpenVINO, MNN, ncnn: pip install 'dgtl_ray[baselines]'"
    )
    assert not missing_note(["pytorch"])


def test_what_is_timed_of_pytorch_leaves_answers_where_they_are(
    kept: KeptNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = load_pytorch(SPEC, kept, torch.get_num_threads(), "cpu")
    converted: list[torch.Tensor] = []
    to_numpy = torch.Tensor.numpy

    def counting(tensor: torch.Tensor, *, force: bool = False) -> Any:
        converted.append(tensor)
        return to_numpy(tensor, force=force)

    monkeypatch.setattr(torch.Tensor, "numpy", counting)
    (answer,) = run()
    assert converted == []
    assert Example.read(kept.folder).error_of([answer.numpy(force=True)]) < 1e-4
    assert len(converted) == 1
