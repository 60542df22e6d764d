"""Tensors made of copies."""

from typing import Any

from tvm import relax

from dgtl_ray.model.copying import copies
from dgtl_ray.model.torch_ops.call import Call, Converter, shape_of


def _repeat(call: Call) -> Any:
    """Copies side by side; of fewer counts than axes the last axes are meant, of more, new ones."""
    x, counts = call.args
    shape = shape_of(x)
    if min(counts, default=1) < 1:
        return NotImplemented
    new = max(0, len(counts) - len(shape))
    if new:
        x = call.emit(relax.op.reshape(x, [1] * new + list(shape)))
    return copies(x, [1] * (len(shape) - len(counts)) + list(counts), call.emit)


CONVERTERS: dict[str, Converter] = {"repeat.default": _repeat, "tile.default": _repeat}
