"""`dgtl bench`: a command for each experiment, with what that takes."""

import json
import platform
import re
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from typer.testing import CliRunner

import dgtl_ray.bench
from dgtl_ray.bench import BenchReport, BenchTable, run_bench
from dgtl_ray.bench.tools.report import describe_machine
from dgtl_ray.cli import app
from dgtl_ray.commands.bench import bench_app
from dgtl_ray.core.errors import MissingExtraError

COMMANDS = {
    one.callback.__name__: one.callback for one in bench_app.registered_commands if one.callback
}
# Options that may be given again are called by one of them.
ONE_OF = {"searches": "search", "layers": "layer", "modules": "module", "peers": "peer"}
ONE_OF |= {"ways": "way"}


def test_every_experiment_has_a_command() -> None:
    found = {one.name for one in iter_modules(dgtl_ray.bench.__path__)} - {"tools"}
    assert set(COMMANDS) == found


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_takes_what_its_experiment_takes(name: str) -> None:
    taken = set(signature(import_module(f"dgtl_ray.bench.{name}").run).parameters)
    offered = set(signature(COMMANDS[name]).parameters) - {"json_file"}
    assert offered == {ONE_OF.get(option, option) for option in taken}


def test_what_is_given_reaches_the_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def run_bench(name: str, **given: Any) -> BenchReport:
        seen.update(given, name=name)
        table = BenchTable(title="outcome", rows=[{"latency (ms)": 1.5}])
        return BenchReport(name=name, tables=[table], figures={}, settings={}, machine={})

    monkeypatch.setattr("dgtl_ray.bench.run_bench", run_bench)
    words = ["alexnet", "vgg16", "--search", "autotvm", "--time-budget", "90s", "--quick"]
    kept = tmp_path / "report.json"
    result = CliRunner().invoke(app, ["bench", "table1", *words, "--json", str(kept)])
    assert result.exit_code == 0, result.output
    assert "outcome" in result.output
    assert seen == {
        "name": "table1",
        "quick": True,
        "networks": ["alexnet", "vgg16"],
        "searches": ["autotvm"],
        "time_budget": 90.0,
        "show": False,
    }
    assert '"latency (ms)": 1.5' in kept.read_text()


@pytest.mark.parametrize(
    ("name", "package", "options"),
    [
        ("graphs", "onnxruntime", {}),
        ("history", "duckdb", {}),
        ("overhead", "optuna", {}),
        ("rate", "xgboost", {}),
        ("searchers", "optuna", {}),
        ("zoo", "onnxscript", {"ways": ["dynamo"]}),
    ],
)
def test_a_library_that_lacks_is_told_before_anything_is_run(
    name: str, package: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'dgtl_ray\[bench\]'"):
        run_bench(name, quick=True, **options)


def test_no_report_says_whose_build_a_kernel_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "release", lambda: "6.18.44-fc-v857")
    assert re.fullmatch(r"Linux 6\.18\.44, glibc [\d.]+", describe_machine()["platform"])
    kept = sorted((Path(dgtl_ray.bench.__file__).parent / "kept").glob("*.json"))
    told = [json.loads(file.read_text())["machine"]["platform"] for file in kept]
    assert told
    assert all(re.fullmatch(r"Linux [\d.]+, glibc [\d.]+", one) for one in told)
