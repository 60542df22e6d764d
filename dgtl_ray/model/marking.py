"""Tells the layers which of their arguments are weights.

What is the same in every run may lie in memory as a schedule likes it: a layer's program says so of
an argument by TVM's attribute `layout_free_buffers`, and so its workload key does.
"""

from collections import defaultdict
from typing import Any

import tvm

from dgtl_ray.model.tasks import bindings, is_kernel_call

_WEIGHTS = "layout_free_buffers"


def mark_weights(module: tvm.IRModule) -> tvm.IRModule:
    """Mark the weights of each layer function of a lowered network.

    An argument is one where every call gives a constant of the network. What has no more than one
    axis longer than 1, a bias, has one order only, and is left out.
    """
    module = unmark_weights(module)
    constants = defaultdict(list)
    for binding in bindings(module["main"]):
        if is_kernel_call(binding.value):
            variable, arguments = binding.value.args[:2]
            constants[str(variable.name_hint)].append(_constants(arguments))
    functions = dict(module.functions_items())
    for name, of_calls in constants.items():
        variable = module.get_global_var(name)
        function = functions[variable]
        constant = set.intersection(*of_calls)
        weights = [k for k in sorted(constant) if _has_orders(function.params[k])]
        if weights:
            functions[variable] = function.with_attr(_WEIGHTS, weights)
    return tvm.IRModule(functions, attrs=module.attrs)


def unmark_weights(module: tvm.IRModule) -> tvm.IRModule:
    """The module without such marks: TVM sets some by what an operator is, not by who calls it."""
    functions = {
        variable: function.without_attr(_WEIGHTS) if _is_marked(function) else function
        for variable, function in module.functions_items()
    }
    return tvm.IRModule(functions, attrs=module.attrs)


def _is_marked(function: Any) -> bool:
    return _WEIGHTS in (function.attrs or {})


def _constants(arguments: Any) -> set[int]:
    return {k for k, arg in enumerate(arguments) if isinstance(arg, tvm.ir.GenericConst)}


def _has_orders(buffer: Any) -> bool:
    return sum(int(extent) > 1 for extent in buffer.shape) > 1
