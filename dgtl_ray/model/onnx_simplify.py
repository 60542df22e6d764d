"""The forms in which an ONNX model may be imported: as it is, simplified, in a newer opset.

What exporters write around dynamic shapes (Shape, Gather, Concat, Reshape) becomes constants, and
functions become the nodes that they stand for, so that importing sees fewer kinds of nodes.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from google.protobuf.message import EncodeError
from onnx import ModelProto, version_converter

from dgtl_ray.model.onnx_files import name_nodes

# What exporters write around dynamic shapes. A network without them has little to simplify, and
# importing the optimiser takes two seconds.
_COMPUTES_SHAPES = frozenset(
    ("Shape", "Size", "ConstantOfShape", "Range", "NonZero", "If", "Loop", "Scan", "EyeLike")
)
# A protocol buffer ends there, and with it what can be given to ONNX's own tools.
_LIMIT_BYTES = 2**31 - 2**20
# Before 7 an attribute says how shapes are made to fit; from 13 on axes and splits are inputs.
_NUMPY_SHAPES, _MODERN = 7, 13
# As many as `ways_in` ever gives.
MOST_WAYS = 3
_OPTIMISED = "it came in by way of onnxscript's optimiser, which fixed its shapes"


def ways_in(model: ModelProto) -> Iterator[tuple[ModelProto, str]]:
    """The model in each form that may import, the likeliest first, with what to tell of the form.

    Whoever takes one leaves the rest, which are made on demand.
    """
    opset, small = _opset(model), _is_small(model)
    forms = [_optimised, _as_it_is] if _computes_shapes(model) else [_as_it_is, _optimised]
    if opset < _MODERN:
        forms.append(_converted)
    for form in forms:
        made = form(model) if small or form is _as_it_is else None
        if made is not None:
            yield made


def readable(model: ModelProto) -> tuple[ModelProto, tuple[str, ...]]:
    """The model, brought to a newer opset where nothing here runs its own; and what to tell."""
    old = _opset(model) < _NUMPY_SHAPES and _is_small(model)
    made = _converted(model) if old else None
    return (model, ()) if made is None else (made[0], made[1:])


def _is_small(model: ModelProto) -> bool:
    try:
        size_bytes: int = model.ByteSize()
    except EncodeError:  # it cannot even be measured
        return False
    return size_bytes <= _LIMIT_BYTES


def _as_it_is(model: ModelProto) -> tuple[ModelProto, str]:
    return model, ""


def _computes_shapes(model: ModelProto) -> bool:
    return bool(model.functions) or any(
        node.op_type in _COMPUTES_SHAPES for node in model.graph.node
    )


def _opset(model: ModelProto) -> int:
    return next((entry.version for entry in model.opset_import if not entry.domain), _MODERN)


def _optimised(model: ModelProto) -> tuple[ModelProto, str] | None:
    """A copy with shapes inferred, constants folded and functions written out, where it works."""
    from onnxscript import optimizer

    copy = ModelProto()
    copy.CopyFrom(model)
    try:
        with _silent():
            better = optimizer.optimize(copy, num_iterations=2, output_size_limit=2**20)
    except Exception:  # noqa: BLE001 - whatever it is, there are other ways
        return None
    name_nodes(better.graph)
    return better, _OPTIMISED


def _converted(model: ModelProto) -> tuple[ModelProto, str] | None:
    """The model in a newer opset, where ONNX's converter knows all its operators."""
    try:
        newer = version_converter.convert_version(model, _MODERN)
    except Exception:  # noqa: BLE001 - whatever it is, there are other ways
        return None
    name_nodes(newer.graph)
    return newer, f"ONNX's version converter brought it from opset {_opset(model)} to {_MODERN}"


@contextmanager
def _silent() -> Iterator[None]:
    """Without the optimiser's remarks on what it leaves as it is."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)
