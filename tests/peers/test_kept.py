"""A network, an example and an ONNX file in one folder."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.core.example import Example
from dgtl_ray.core.shapes import AS_IN_FILE
from dgtl_ray.peers import KeptNetwork, keep_network
from dgtl_ray.peers import exporting as exporting_room
from tests.networks import tiny


def test_its_example_is_what_the_framework_answers(kept: KeptNetwork) -> None:
    network, inputs = tiny()
    example = Example.read(kept.folder)
    with torch.no_grad():
        expected = network(*inputs).numpy()
    np.testing.assert_array_equal(example.inputs[0], inputs[0].numpy())
    assert example.error_of([expected]) == 0.0
    assert onnx.load(kept.onnx).graph.node


def test_an_example_has_the_inputs_as_they_were_given(tmp_path: Path) -> None:
    exporting_room.export("tests.user_factories:in_place", tmp_path, AS_IN_FILE, onnx=False)
    example = Example.read(tmp_path)
    np.testing.assert_allclose(example.outputs[0], (example.inputs[0] - 0.5) * 2)


def test_an_onnx_file_is_kept_once_by_its_content(kept: KeptNetwork, tmp_path: Path) -> None:
    file = tmp_path / "own.onnx"
    onnx.save(onnx.load(kept.onnx), file)
    first = keep_network(str(file), tmp_path / "cache")
    (first.folder / "network.mnn").write_text("converted")
    again = keep_network(str(file), tmp_path / "cache")
    assert again == first
    assert (again.folder / "network.mnn").exists()
    assert first.folder.name.startswith("own-")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [first.folder.name]


def test_what_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    with pytest.raises(DgtlError, match="no missing"):
        keep_network("tests.networks:missing", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_is_not_exported_still_has_its_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting_room, "find_spec", lambda _module: None)
    exporting_room.export("tests.networks:tiny", tmp_path, AS_IN_FILE, onnx=True)
    assert "needs onnxscript" in KeptNetwork(tmp_path).why_no_onnx
    assert not KeptNetwork(tmp_path).onnx.exists()
    assert Example.read(tmp_path).outputs


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([[2.0, -4.0]], 0.0),
        ([[2.0, -3.0]], 0.25),
        ([[2.0]], float("inf")),
        ([], float("inf")),
        ([[float("nan"), -4.0]], float("inf")),
    ],
)
def test_errors_are_relative_to_the_largest_answer(
    answers: list[list[float]], error: float
) -> None:
    example = Example(inputs=(), outputs=(np.array([[2.0, -4.0]], np.float32),))
    assert example.error_of([np.array(answer, np.float32) for answer in answers]) == error
