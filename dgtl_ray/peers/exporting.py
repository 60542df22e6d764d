"""The child process that exports a network.

`python -m dgtl_ray.peers.exporting SPEC FOLDER ONNX SHAPES`, the last as JSON.

It answers as `dgtl_ray.core.child_server` does: a line that says ready, or one with the error.
"""

import sys
import warnings
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dgtl_ray.core.child_server import answer_once
from dgtl_ray.core.errors import DgtlError, first_line
from dgtl_ray.core.example import Example
from dgtl_ray.core.shapes import Shapes
from dgtl_ray.model import zoo
from dgtl_ray.model.specs import SpecKind, classify
from dgtl_ray.peers.kept import KeptNetwork

if TYPE_CHECKING:
    from torch import Tensor, nn


def export(spec: str, folder: Path, shapes: Shapes, *, onnx: bool) -> None:
    """Write a network's example, and where that is possible its ONNX file, into a folder.

    Raises:
        DgtlError: It cannot be loaded.
    """
    warnings.simplefilter("ignore")
    if classify(spec) is SpecKind.ONNX:
        _copy(Path(spec), KeptNetwork(folder), shapes)
        return
    module, inputs = torch_network(spec)
    _write_example(module, inputs, folder)
    if onnx:
        _export(module, inputs, KeptNetwork(folder))


def torch_network(spec: str) -> "tuple[nn.Module, tuple[Tensor, ...]]":
    """A built-in network or a factory's, in eval mode, and its example inputs.

    Raises:
        InputError: There is no such network.
    """
    from dgtl_ray.model.factory import call_factory

    built = zoo.build(spec) if classify(spec) is SpecKind.BUILTIN else call_factory(spec)
    return built[0].eval(), built[1]


def _copy(path: Path, kept: KeptNetwork, shapes: Shapes) -> None:
    """An ONNX file with its shapes, and its weights, which may lie beside it, in one."""
    from dgtl_ray.model.onnx_source import OnnxSource

    source = OnnxSource(path, shapes)
    inputs = source.example_inputs(seed=0)
    Example(inputs=inputs, outputs=source.reference(inputs)).save(kept.folder)
    try:
        source.save(kept.onnx)
    except ValueError as error:  # a protocol buffer ends at 2 GiB
        raise DgtlError(f"{path} is too large for one file: {error}") from error


def _write_example(module: "nn.Module", inputs: "tuple[Tensor, ...]", folder: Path) -> None:
    import torch

    from dgtl_ray.model.arrays import to_array
    from dgtl_ray.model.outputs import flat_tensors

    given = tuple(map(to_array, inputs))  # before the network runs: it may write into them
    with torch.inference_mode():
        outputs = tuple(map(to_array, flat_tensors(module(*inputs))))
    Example(inputs=given, outputs=outputs).save(folder)


def _export(module: "nn.Module", inputs: "tuple[Tensor, ...]", kept: KeptNetwork) -> None:
    """By torch's exporter; a network that it does not take has no ONNX file, and a note why."""
    import torch

    if find_spec("onnxscript") is None:
        kept.note_no_onnx("exporting needs onnxscript: pip install 'dgtl_ray[baselines]'")
        return
    try:
        torch.onnx.export(
            module, inputs, kept.onnx, dynamo=True, external_data=False, verbose=False
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, peers that read torch go on
        kept.note_no_onnx(first_line(error))


if __name__ == "__main__":
    name, into, wanted, given = sys.argv[1:]
    asked = partial(export, name, Path(into), Shapes.from_json(given), onnx=wanted == "1")
    sys.exit(answer_once(asked))
