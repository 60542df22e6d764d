"""TVM's targets as logs name them."""

import json
import re
from typing import Any

# What a target calls the hardware; `-device` names a family, such as `arm_cpu` and `mali`.
_MODEL = re.compile(r"(?:^|\s)-model=(\S+)")
_TAGS = re.compile(r"^nvidia/(?:nvidia-|geforce-)?(.+)$")


def target_text(target: Any) -> str:
    """A target as text in TVM's old spelling; new ones are objects, `{"kind": "llvm", …}`.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(target, str) and target.lstrip().startswith("{"):
        target = json.loads(target)
    if isinstance(target, dict):
        options = (f"-{name}={_option(value)}" for name, value in target.items() if name != "kind")
        return " ".join([str(target.get("kind", "")), *options])
    if not isinstance(target, str):
        raise TypeError(f"{target!r} is no target")
    return target


def _option(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value).replace(" ", "")


def model_of(target: str) -> str:
    """The hardware that a target names; "" where it does not say."""
    found = _MODEL.search(target)
    if found is None:
        tag = re.search(r"(?:^|\s)-tag=(\S+)", target)
        named = _TAGS.match(tag[1]) if tag else None
        return named[1].replace("-", " ").upper() if named else ""
    return "" if found[1] == "unknown" else found[1]


def is_cpu(target: str) -> bool:
    """Whether code for it runs on a CPU."""
    return target.split()[:1] in (["llvm"], ["c"])
