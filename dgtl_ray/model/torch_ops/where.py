"""Where in the user's source a call of an exported network is made."""

import re
from pathlib import Path

import torch
from torch import fx

_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_TORCH = str(Path(torch.__file__).parent)


def operator_name(node: fx.Node) -> str:
    """What torch calls the operator, `aten.select` for instance."""
    target = str(node.target)
    return target.rpartition(".")[0] if target.startswith("aten.") else target


def described(node: fx.Node) -> str:
    """The operator, the line that calls it, and the module that it belongs to, if torch knows."""
    place = ", ".join(part for part in (_line(node), _module(node)) if part)
    return f"{operator_name(node)} ({place})" if place else operator_name(node)


def _line(node: fx.Node) -> str:
    """The innermost line outside of torch's own files."""
    frames = _FRAME.findall(node.meta.get("stack_trace") or "")
    own = [(path, line) for path, line in frames if not path.startswith(_TORCH)]
    return f"{Path(own[-1][0]).name}:{own[-1][1]}" if own else ""


def _module(node: fx.Node) -> str:
    """The path of the innermost submodule, as in `state_dict`."""
    stack = node.meta.get("nn_module_stack") or {}
    path = next((str(path) for path, _ in reversed(list(stack.values())) if path), "")
    return f"module {path.removeprefix('network.')}" if path not in {"", "network"} else ""
