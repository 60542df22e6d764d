"""What a user's name for a network stands for."""

import re
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from dgtl_ray.core.errors import InputError
from dgtl_ray.model import zoo


class SpecKind(StrEnum):
    """The ways to name a network."""

    BUILTIN = "builtin"  # one of `zoo.NAMES`
    FACTORY = "factory"  # package.module:function
    ONNX = "onnx"  # a file


_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def classify(spec: str) -> SpecKind:
    """The kind of name that `spec` is; whether what it names exists is seen on loading.

    Raises:
        InputError: It is none of them.
    """
    if spec in zoo.NAMES:
        return SpecKind.BUILTIN
    if spec.endswith(".onnx") or Path(spec).is_file():
        return SpecKind.ONNX
    if _FACTORY.fullmatch(spec):
        return SpecKind.FACTORY
    near = get_close_matches(spec, zoo.NAMES, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise InputError(
        f"unknown network {spec!r}: {hint}Give one of {', '.join(zoo.NAMES)}, an ONNX file, "
        "or package.module:factory"
    )
