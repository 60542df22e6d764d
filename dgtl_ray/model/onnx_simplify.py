"""An ONNX model with everything computed that does not depend on its inputs' values.

What exporters write around dynamic shapes (Shape, Gather, Concat, Reshape) becomes constants, and
functions become the nodes that they stand for, so that importing sees fewer kinds of nodes.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
from onnx import ModelProto

# What exporters write around dynamic shapes. A network without them has little to simplify, and
# importing the optimiser takes two seconds.
_COMPUTES_SHAPES = frozenset(
    ("Shape", "Size", "ConstantOfShape", "Range", "NonZero", "If", "Loop", "Scan", "EyeLike")
)
# A protocol buffer ends there, and with it what can be given to ONNX's shape inference.
_LIMIT_BYTES = 2**31 - 2**20


def simplified(model: ModelProto) -> ModelProto:
    """The model, or a copy with shapes inferred, constants folded and functions written out.

    By onnxscript's optimiser; a model that it does not take comes back with its shapes inferred.
    """
    if not _computes_shapes(model) or model.ByteSize() > _LIMIT_BYTES:
        return model
    from onnxscript import optimizer

    copy = ModelProto()
    copy.CopyFrom(model)
    try:
        with _silent():
            return optimizer.optimize(copy, num_iterations=2, output_size_limit=2**20)
    except Exception:  # noqa: BLE001 - whatever it is, the model as it was is importable still
        return _inferred(model)


def _computes_shapes(model: ModelProto) -> bool:
    return bool(model.functions) or any(
        node.op_type in _COMPUTES_SHAPES for node in model.graph.node
    )


def _inferred(model: ModelProto) -> ModelProto:
    try:
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:  # noqa: BLE001 - shapes are a help, and importing says what is wrong
        return model


@contextmanager
def _silent() -> Iterator[None]:
    """Without the optimiser's remarks on what it leaves as it is."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)
