"""The zoo's networks run in torch; a case is told apart, kept, and costs no other case."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from dgtl_ray.bench import run_bench
from dgtl_ray.bench.zoo import cases, experiment
from dgtl_ray.bench.zoo.architectures import ARCHITECTURES
from dgtl_ray.bench.zoo.cases import Way, run_case
from dgtl_ray.core.errors import DgtlError, InputError
from dgtl_ray.model.factory import call_factory
from dgtl_ray.model.outputs import flat_tensors


@pytest.mark.long
def test_architectures_run_in_torch_and_depend_on_their_inputs() -> None:
    assert len(ARCHITECTURES) == 25
    for name, spec in ARCHITECTURES.items():
        module, inputs = call_factory(spec)
        assert not module.training
        changed = [x + 1 if x.is_floating_point() else x.flip(-1) for x in inputs]
        with torch.no_grad():
            once, again, other = (
                torch.cat([tensor.flatten() for tensor in flat_tensors(module(*given))])
                for given in (inputs, inputs, changed)
            )
        assert torch.isfinite(once).all(), name
        assert torch.equal(once, again), name
        assert not torch.allclose(once, other), name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"networks": ["resnet5000"]}, "no architecture resnet5000: there are resnet50, "),
        ({"ways": ["caffe"]}, "no way caffe: there are dynamo, torchscript, torch"),
    ],
)
def test_what_is_not_there_is_refused(options: dict[str, list[str]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run_bench("zoo", quick=True, **options)


class FakeChild:
    """Crashes on ViT, finds ConvNeXt wrong, and everything else right."""

    asked: ClassVar[list[str]] = []

    def __init__(self, *_: str) -> None:
        self._dead = False

    def receive(self, _limit_s: float) -> None:
        pass

    def ask(self, request: Mapping[str, Any], _limit_s: float) -> Mapping[str, Any]:
        assert not self._dead
        FakeChild.asked.append(request["architecture"])
        if request["architecture"] == "vit":
            self._dead = True
            raise DgtlError("the case ended with status -11")
        right = request["architecture"] != "convnext"
        return {"ok": right, "stage": "" if right else "verification", "why": "", "seconds": 1.0}

    def close(self) -> None:
        pass


def test_a_crash_costs_one_case_and_what_is_right_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "JsonChild", FakeChild)
    monkeypatch.setattr(FakeChild, "asked", [])
    names = ["swin", "vit", "convnext", "unet"]
    report = run_bench("zoo", quick=False, networks=names, ways=["torch"], runs=tmp_path)
    assert report.figures["right"] == "2 of 4"
    stages = {row["architecture"]: row["stage"] for row in report.tables[0].rows}
    assert stages == {"swin": "", "vit": "crash", "convnext": "verification", "unet": ""}
    assert json.loads((tmp_path / "vit-torch.json").read_text())["why"].endswith("status -11")
    run_bench("zoo", quick=False, networks=names, ways=["torch"], runs=tmp_path)
    assert FakeChild.asked == [*names, "vit", "convnext"]


def test_answers_are_compared_on_inputs_that_nothing_else_saw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module, inputs = call_factory(ARCHITECTURES["bert"])
    seen: list[cases.Array] = []

    def deployed(*given: cases.Array) -> tuple[cases.Array, ...]:
        seen.extend(given)
        with torch.no_grad():
            return tuple(tensor.numpy() for tensor in module(*map(torch.from_numpy, given)))

    monkeypatch.setattr(cases, "load", lambda _path: deployed)
    assert cases._difference("module", module, inputs) == ""
    for fresh, known in zip(seen, inputs, strict=True):
        assert not np.array_equal(fresh, known.numpy())
    ids, *switches = seen
    assert ids.max() > 1
    assert all(set(switch.flat) <= {0, 1} for switch in switches)


def test_an_answer_that_is_no_number_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    module, inputs = call_factory(ARCHITECTURES["gru"])

    def deployed(*given: cases.Array) -> tuple[cases.Array, ...]:
        with torch.no_grad():
            steps, last = module(*map(torch.from_numpy, given))
        return steps.numpy(), np.full_like(last.numpy(), np.nan)

    monkeypatch.setattr(cases, "load", lambda _path: deployed)
    assert cases._difference("module", module, inputs) == "off by nan of the largest"


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.long
def test_a_case_comes_to_its_answers(tmp_path: Path) -> None:
    outcome = run_case("gru", Way.TORCH, tmp_path, trials=2)
    assert outcome.ok, outcome.why
    assert (tmp_path / "run" / "module").is_dir()
