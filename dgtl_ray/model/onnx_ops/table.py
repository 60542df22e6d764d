"""The converters of this room by operator, and how one is added."""

from collections.abc import Callable
from typing import Any

from dgtl_ray.model.onnx_ops.node import Node

# A relax expression, or a relax tuple of a node's outputs.
Converter = Callable[[Node], Any]

CONVERTERS: dict[str, Converter] = {}


def converts(*operators: str) -> Callable[[Converter], Converter]:
    """Registers a converter for operators."""

    def register(converter: Converter) -> Converter:
        for operator in operators:
            if operator in CONVERTERS:
                raise ValueError(f"{operator} has a converter already")
            CONVERTERS[operator] = converter
        return converter

    return register
