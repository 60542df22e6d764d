"""Finished runs are used again for what they were asked for, and for nothing else."""

from pathlib import Path

import pytest

from dgtl_ray.bench.tools import entrants
from dgtl_ray.bench.tools.entrants import enter, enter_all
from dgtl_ray.bench.tools.tuned_run import tuned_run
from dgtl_ray.configs import TuneConfig
from dgtl_ray.core.errors import DgtlError, InputError
from dgtl_ray.model import parse_target
from dgtl_ray.peers import KeptNetwork
from dgtl_ray.run.folder import RunFolder
from dgtl_ray.testing.runs import example_state
from tests.test_tune import NETWORK


def test_a_run_that_was_asked_for_something_else_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    target = parse_target("cpu").json
    history = str(folder / "history")
    RunFolder(folder).write(example_state(target=target, history=history, finished=True))
    long = TuneConfig(time_budget_s=480.0)
    assert tuned_run(folder, NETWORK, long).state.finished
    assert tuned_run(folder, NETWORK, long).state.finished
    for network, asked in ((NETWORK, TuneConfig(time_budget_s=8.0)), ("other", long)):
        with pytest.raises(InputError, match="name another folder by --runs"):
            tuned_run(folder, network, asked)


def test_networks_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 networks are called"):
        enter_all([NETWORK, NETWORK], tmp_path)


def test_a_network_that_cannot_be_exported_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = KeptNetwork(tmp_path)
    kept.note_no_onnx("exporting needs onnxscript")
    monkeypatch.setattr(entrants, "keep_network", lambda *_: kept)
    with pytest.raises(DgtlError, match="resnet50 cannot be exported: exporting needs onnxscript"):
        enter("resnet50", tmp_path)
