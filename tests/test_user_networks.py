"""Networks that users bring, by the command line: right numbers, or one clear message."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dgtl_ray.cli import app
from tests import user_files

pytestmark = pytest.mark.slow

RIGHT = "gives its framework's own answers"
NOT_FINITE = "is not finite on"


def dgtl(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def spec(name: str, folder: Path) -> str:
    """What a user types for a factory, or for a file: `name.onnx`."""
    stem, is_file, _ = name.partition(".onnx")
    return user_files.write(stem, folder) if is_file else f"tests.user_factories:{name}"


def checked(name: str, folder: Path, *options: str) -> tuple[Result, dict[str, Any]]:
    """`dgtl check`, and what it writes as JSON."""
    report = folder / "report.json"
    result = dgtl("check", spec(name, folder), "--json", str(report), *options)
    return result, json.loads(report.read_text()) if report.exists() else {}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *[(name, "") for name in ("last_step", "conv_then_convtranspose", "unet", "decoder.onnx")],
        *[(name, "") for name in ("spread", "demodulated", "instance_norm.onnx")],
        ("normed_channels", ""),
        *[(name, "") for name in ("over_all_axes", "sum_all.onnx", "max_all.onnx")],
        *[(name, "") for name in ("assignment", "scatter_nd.onnx", "refused_by_tvm")],
        *[(name, "") for name in ("grid_sample", "grid_sample.onnx", "resampled")],
        *[(f"{name}.onnx", "") for name in ("upsample_7", "upsample_8", "upsample_9")],
        *[(f"{name}.onnx", "") for name in ("resize_10", "resize_15")],
        *[(f"{name}.onnx", "") for name in ("same_lower", "output_shape", "layernorm_broadcast")],
        *[(name, "") for name in ("recurrent", "lstm.onnx", "gru.onnx", "rnn.onnx")],
        ("masked", f"output 1 {NOT_FINITE} the example inputs"),
        ("masked.onnx", f"output 0 {NOT_FINITE} normal inputs"),
        ("logarithm.onnx", f"output 0 {NOT_FINITE} normal inputs, large inputs: equal"),
        *[(name, "") for name in ("nothing_beside", "nested", "keywords")],
        *[(name, "") for name in ("half", "float16.onnx", "bfloat16", "double.onnx")],
        ("quantised.onnx", "within one step of quantisation"),
        *[(name, "") for name in ("identity.onnx", "attention.onnx", "dropout_7.onnx")],
        *[(name, "") for name in ("parts", "indices")],
    ],
)
def test_right(name: str, said: str, tmp_path: Path) -> None:
    result, report = checked(name, tmp_path)
    assert result.exit_code == 0, result.output
    assert RIGHT in result.output
    assert said in result.output
    assert report["ok"] is True
    assert len({output["draw"] for output in report["outputs"]}) >= 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dropout_on", "answers change from run to run"),
        ("noise", "answers change from run to run: aten.randn"),
        ("bfloat16.onnx", "it is in bfloat16"),
        ("nonzero.onnx", "(NonZero): the shape of its result depends on the network's data"),
        ("two_files.onnx", "'model.data', which is not there: "),
        ("open_batch.onnx", "--dim height=128"),
    ],
)
def test_refused(name: str, message: str, tmp_path: Path) -> None:
    result, report = checked(name, tmp_path)
    assert result.exit_code == 2
    assert message in result.output
    assert report == {}


@pytest.mark.parametrize(
    "options",
    [("--dim", "height=6"), ("--shape", "x=1,1,6,8"), ("--dim", "height=6", "--dim", "batch=2")],
)
def test_an_open_shape_is_given(options: tuple[str, ...], tmp_path: Path) -> None:
    result, report = checked("open_batch.onnx", tmp_path, *options)
    assert result.exit_code == 0, result.output
    assert report["ok"] is True
    assumed = "the first dimension of input 'x'" in result.output
    assert assumed == (options == ("--dim", "height=6"))


@pytest.mark.parametrize("name", ["scatter", "scatter_nd.onnx"])
def test_a_layer_that_cannot_be_tuned_is_named(name: str, tmp_path: Path) -> None:
    result = dgtl("tasks", spec(name, tmp_path), "--json", str(tmp_path / "tasks.json"))
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "tasks.json").read_text())
    spaces = {row["name"]: row["design space"] for row in rows}
    (why,) = {str(space) for layer, space in spaces.items() if layer.startswith("scatter")}
    assert why.startswith("not tunable: ")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("noise", "answers change from run to run"),
        ("identity.onnx", "there is nothing to tune"),
    ],
)
def test_no_search_is_spent_on_it(name: str, message: str, tmp_path: Path) -> None:
    result = dgtl("tune", spec(name, tmp_path), "--trials", "0", "--out", str(tmp_path / "run"))
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "run").exists()
