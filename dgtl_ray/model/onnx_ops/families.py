"""Imports every file of converters: each registers its own."""

from importlib import import_module

_FAMILIES = (
    "arithmetic",
    "attention",
    "microsoft",
    "microsoft_attention",
    "normalization",
    "patterns",
    "pooling",
    "quantized",
    "recurrent",
    "resize",
    "transposed",
    "widened",
)


def load() -> None:
    """Fill the table of converters."""
    for family in _FAMILIES:
        import_module(f"dgtl_ray.model.onnx_ops.{family}")
