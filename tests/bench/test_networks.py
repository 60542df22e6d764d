"""Whole networks beside other runtimes: the tables, with children that are told what to take."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from dgtl_ray.bench import networks, run_bench
from dgtl_ray.bench.tools.busy import BusyCore
from dgtl_ray.bench.tools.entrants import EXPORTED, Entrant
from dgtl_ray.core.errors import DgtlError, InputError
from dgtl_ray.peers import KeptNetwork

pytestmark = pytest.mark.slow


class Told:
    """Takes the seconds that it is told to; one that is told none cannot be loaded."""

    def __init__(self, name: str, seconds: float | None, error: float) -> None:
        self.name = name
        self.largest_error = error
        self._seconds = seconds

    def start(self) -> None:
        if self._seconds is None:
            raise DgtlError(f"{self.name} ended with status -11")

    def time_s(self, min_time_s: float, max_runs: int) -> list[float]:
        assert self._seconds is not None
        return [self._seconds * (3.0 if BusyStub.is_on else 1.0)]

    def close(self) -> None:
        pass


class BusyStub:
    """Instead of a process that counts."""

    is_on = False

    def __enter__(self) -> None:
        BusyStub.is_on = True

    def __exit__(self, *_: object) -> None:
        BusyStub.is_on = False


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def contenders(_entrant: Entrant, module: str | None, _how: object) -> Iterator[Told]:
        if module is not None:
            assert module == "tuned/module"
            yield Told("tuned", 0.02, 1e-6)
        yield Told("onnxruntime", 0.04, 0.0)
        yield Told("openvino", 0.01, 2e-6)
        yield Told("ncnn", None, 0.0)

    def enter(names: Sequence[str], _folder: Path) -> list[Entrant]:
        kept = KeptNetwork(tmp_path)
        return [Entrant(name=name, spec=name, torch_spec=name, kept=kept) for name in names]

    monkeypatch.setattr(networks, "_contenders", lambda *given: list(contenders(*given)))
    monkeypatch.setattr(networks, "enter_all", enter)
    monkeypatch.setattr(networks, "BusyCore", BusyStub)


@pytest.mark.usefixtures("told")
def test_there_are_tables_for_each_network_and_ratios_for_all() -> None:
    report = run_bench("networks", quick=True, networks=["a"], modules=["tuned/module"])
    assert [table.title for table in report.tables] == [
        "a, quiet machine",
        "a, busy machine",
        "tuned ÷ others, medians, quiet machine",
        "tuned ÷ others, medians, busy machine",
    ]
    quiet, busy, ratios, _ = report.tables
    runtimes = {row["runtime"]: row for row in quiet.rows}
    assert runtimes["ONNX Runtime"]["median (ms)"] == pytest.approx(40.0)
    assert runtimes["ONNX Runtime"]["tuned ÷ this"] == pytest.approx(0.5)
    assert runtimes["OpenVINO"]["error"] == "2.0e-06"
    assert runtimes["ncnn"]["why not"] == "ncnn ended with status -11"
    assert busy.rows[0]["median (ms)"] == pytest.approx(60.0)
    (row,) = ratios.rows
    assert row["the fastest"] == pytest.approx(2.0)
    assert row["ncnn"] is None
    assert report.settings["cpu"]


@pytest.mark.usefixtures("told")
def test_others_can_be_timed_alone_on_a_quiet_machine() -> None:
    report = run_bench("networks", quick=True, networks=["a", "b"], tuned=False, busy=False)
    assert [table.title for table in report.tables] == ["a, quiet machine", "b, quiet machine"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"networks": []}, "needs networks"),
        ({"networks": ["a", "b"], "modules": ["x"]}, "1 modules for 2 networks"),
        ({"networks": ["a"], "peers": ["caffe"]}, "no runtime caffe: there are onnxruntime"),
    ],
)
def test_what_cannot_be_compared_is_refused(options: dict[str, list[str]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run_bench("networks", quick=True, **options)


def test_a_busy_core_is_busy_and_ends() -> None:
    with BusyCore():
        (child,) = (p for p in psutil.Process().children() if p.cmdline()[-1].endswith("busy"))
        assert child.is_running()
        assert child.status() != psutil.STATUS_ZOMBIE
    assert not child.is_running()


def test_networks_that_are_exported_have_their_shapes() -> None:
    import torch

    from dgtl_ray.model.factory import call_factory

    shapes = {"bert_small": (1, 128, 256)}
    for name, spec in EXPORTED.items():
        network, inputs = call_factory(spec)
        with torch.no_grad():
            assert tuple(network(*inputs).shape) == shapes.get(name, (1, 1000))
