"""Which operator is the first whose answer differs from the framework's.

The network is opened, so that it returns what every operator computes, and both sides run it once.
Where all agree then, the fault lies in what is made of several operators together: the opened
network is cut short after one of them, lowered as a whole, and the shortest that is wrong searched
for by halving.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import tvm
from tvm import relax

from dgtl_ray.core.closeness import Closeness, compare
from dgtl_ray.model.checking.answers import tolerances
from dgtl_ray.model.checking.host import HostModule, host_target
from dgtl_ray.model.facts import graph_facts
from dgtl_ray.model.lowering import lower
from dgtl_ray.model.network import Network
from dgtl_ray.model.source import Array

# A user waits for the message.
_LIMIT_S = 20.0


def locate(network: Network, inputs: Sequence[Array]) -> str:
    """The first operator whose answer differs, in the framework's words; "" where none is found."""
    try:
        opened = network.source.opened()
        probe = _Probe(opened.to_relax(), network, inputs, opened.reference(inputs))
        position = probe.first_wrong()
    except Exception:  # noqa: BLE001 - that the answers are wrong is known; who is to blame, a help
        return ""
    return "" if position is None else opened.labels[position]


class _Probe:
    """An opened network on one input, beside what its framework computes."""

    def __init__(
        self, module: Any, network: Network, inputs: Sequence[Array], expected: Sequence[Array]
    ) -> None:
        self._module = module
        self._inputs = inputs
        self._expected = expected
        facts = replace(graph_facts(module), precision=network.facts.precision)
        self._precision = network.precision
        self._tolerances = tolerances(facts, expected)
        self._deadline = time.monotonic() + _LIMIT_S

    def first_wrong(self) -> int | None:
        """Position of the first output that differs, None where none was found in time."""
        found = self._run(self._module)
        wrong = (k for k, y in enumerate(found) if not self._judge(k, y).ok)
        first = next(wrong, None)
        return self._halve() if first is None else first

    def _halve(self) -> int | None:
        """The shortest network, cut after one operator, that is wrong as a whole."""
        right, wrong = -1, len(self._expected) - 1
        if self._is_right(wrong):
            return None
        while wrong - right > 1:
            if time.monotonic() > self._deadline:
                return None
            middle = (right + wrong) // 2
            if self._is_right(middle):
                right = middle
            else:
                wrong = middle
        return wrong

    def _is_right(self, position: int) -> bool:
        (found,) = self._run(_cut(self._module, position))
        return self._judge(position, found).ok

    def _run(self, module: Any) -> tuple[Array, ...]:
        target = host_target()
        return HostModule(lower(module, target, self._precision), target).run(self._inputs)

    def _judge(self, position: int, found: Array) -> Closeness:
        return compare(found, self._expected[position], self._tolerances[position])


def _cut(module: Any, position: int) -> Any:
    """The module whose `main` returns one of its outputs only."""
    main = module["main"]
    *blocks, last = list(main.body.blocks)
    *bindings, result = list(last.bindings)
    if not isinstance(result.value, relax.Tuple):
        return module  # there is one output
    field = result.value.fields[position]
    variable = relax.Var("result", field.ty)
    kind = type(last)
    block = kind([*bindings, relax.VarBinding(variable, field)])
    body = relax.SeqExpr([*blocks, block], variable)
    function = relax.Function(main.params, body, field.ty, main.is_pure, main.attrs)
    cut = tvm.IRModule({"main": function}, attrs=module.attrs)
    return relax.transform.DeadCodeElimination(["main"])(relax.transform.Normalize()(cut))
