"""LSTM, GRU and RNN, unrolled over the sequence: its length is known.

What does not depend on the step before, the product of all steps' inputs with the weights, is one
product. Shapes: T steps, B sequences, I inputs, H hidden values, G gates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from dgtl_ray.model.onnx_ops.activations import activation
from dgtl_ray.model.onnx_ops.node import Node
from dgtl_ray.model.onnx_ops.table import converts

Array = NDArray[Any]
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_ACTIVATIONS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """One direction's weights and functions.

    Attributes:
        to_gates: (I × G·H).
        recurrent: (H × G·H).
        bias: Of the inputs' product and of the recurrent one, (G·H) each.
        peepholes: (3·H) for input, output and forget gate, None without.
        functions: Activations, in ONNX's order.
    """

    node: Node
    hidden: int
    to_gates: Array
    recurrent: Array
    bias: tuple[Array, Array]
    peepholes: Array | None
    functions: Sequence[Callable[[Any], Any]]

    def product(self, h: Any, gates: slice = slice(None)) -> Any:
        """H times the recurrent weights of some gates; None for a state of zeros."""
        if h is None:
            return None
        size = self.hidden
        first, last, _ = gates.indices(self.recurrent.shape[1] // size)
        weights = self.recurrent[:, first * size : last * size]
        return self.node.emit(relax.op.matmul(h, self.node.const(weights)))

    def limited(self, x: Any) -> Any:
        """A gate's input within ±`clip`."""
        clip = self.node.attr("clip", 0.0)
        return self.node.emit(relax.op.clip(x, -clip, clip)) if clip else x

    def plus(self, x: Any, y: Any) -> Any:
        """The sum of both, where y may be None for zero."""
        return x if y is None else self.node.emit(relax.op.add(x, y))


_State = tuple[Any, Any]
_Step = Callable[[_Cell, Any, _State], _State]


@converts("LSTM", "GRU", "RNN")
def recurrent(node: Node) -> Any:
    """All outputs of the node: every step's state, the last ones, and an LSTM's cell."""
    _check(node)
    batch_first = bool(node.attr("layout", 0))
    x = node.emit(node.inputs[0])
    if batch_first:
        x = node.emit(relax.op.permute_dims(x, [1, 0, 2]))
    ways = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}
    outputs = [
        _direction(node, x, k, reverse)
        for k, reverse in enumerate(ways[node.attr("direction", "forward")])
    ]
    steps = [node.stack(states, 0) for states, _ in outputs]  # T × B × H each
    last = [state for _, state in outputs]
    results = [node.stack(steps, 1)]
    results += [node.stack([state[k] for state in last], 0) for k in range(2)]
    if batch_first:
        results = [relax.op.permute_dims(node.emit(results[0]), [2, 0, 1, 3])] + [
            relax.op.permute_dims(node.emit(state), [1, 0, 2]) for state in results[1:]
        ]
    count = 3 if node.operator == "LSTM" else 2
    return relax.Tuple([node.emit(result) for result in results[:count]])


def _check(node: Node) -> None:
    steps, batch = node.shape()[:2] if not node.attr("layout", 0) else node.shape()[1::-1]
    lengths = node.constant(4, "sequence lengths")
    if lengths is not None and not (lengths.shape == (batch,) and (lengths == steps).all()):
        raise node.refuse("sequences that are shorter than the input are not supported")


def _direction(node: Node, x: Any, k: int, reverse: bool) -> tuple[list[Any], _State]:
    """Every step's state in the order of the input, and the state after the last step."""
    cell = _cell(node, k)
    step = _STEPS[node.operator]
    count = node.shape_of(x)[0]
    gates = relax.op.matmul(x, node.const(cell.to_gates))
    whole = node.emit(relax.op.add(gates, node.const(_input_bias(node, cell))))
    state: _State = (_initial(node, 5, k), _initial(node, 6, k))
    states: list[Any] = [None] * count
    for t in range(count)[::-1] if reverse else range(count):
        state = step(cell, _row(node, whole, t), state)
        states[t] = state[0]
    # Nothing but an LSTM has a cell; what stands for it is not looked at.
    return states, (state[0], state[0] if state[1] is None else state[1])


def _row(node: Node, x: Any, t: int) -> Any:
    """x[t]."""
    part = relax.op.strided_slice(x, axes=[0], begin=[t], end=[t + 1])
    return node.emit(relax.op.reshape(part, node.shape_of(x)[1:]))


def _cell(node: Node, k: int) -> _Cell:
    weights = [node.constant(i, "weights") for i in (1, 2)]
    if weights[0] is None or weights[1] is None:
        raise node.refuse("its weights are missing")
    hidden = weights[1].shape[2]
    gates = _GATES[node.operator] * hidden
    bias = node.constant(3, "biases")
    both = np.zeros(2 * gates, np.float32) if bias is None else bias[k]
    peepholes = node.constant(7, "peepholes") if node.operator == "LSTM" else None
    return _Cell(
        node=node,
        hidden=hidden,
        to_gates=weights[0][k].T,
        recurrent=weights[1][k].T,
        bias=(both[:gates], both[gates:]),
        peepholes=None if peepholes is None else peepholes[k],
        functions=_functions(node, k),
    )


def _input_bias(node: Node, cell: _Cell) -> Array:
    """What is added before any step: all biases but the one that a GRU's reset gate scales."""
    added = cell.bias[1].copy()
    if node.operator == "GRU" and node.attr("linear_before_reset", 0):
        added[2 * cell.hidden :] = 0
    return cell.bias[0] + added


def _functions(node: Node, k: int) -> list[Callable[[Any], Any]]:
    default = _ACTIVATIONS[node.operator]
    names = node.attr("activations", None)
    names = list(default) * (k + 1) if not names else [name.decode() for name in names]
    alphas, betas = list(node.attr("activation_alpha", [])), list(node.attr("activation_beta", []))
    functions = [activation(node, name, alphas, betas) for name in names]
    return functions[k * len(default) : (k + 1) * len(default)]


def _initial(node: Node, i: int, k: int) -> Any:
    """A direction's initial state (B × H), None where it is zero."""
    if not node.has(i) or (i == 6 and node.operator != "LSTM"):
        return None
    x = node.emit(node.inputs[i])
    if node.attr("layout", 0):
        x = node.emit(relax.op.permute_dims(x, [1, 0, 2]))
    return _row(node, x, k)


def _split(cell: _Cell, x: Any, count: int) -> list[Any]:
    parts = cell.node.emit(relax.op.split(x, count, axis=1))
    return [cell.node.emit(parts[k]) for k in range(count)]


def _peep(cell: _Cell, gate: Any, c: Any, k: int) -> Any:
    if cell.peepholes is None or c is None:
        return gate
    weights = cell.peepholes[k * cell.hidden : (k + 1) * cell.hidden]
    return cell.plus(gate, relax.op.multiply(c, cell.node.const(weights)))


def _lstm(cell: _Cell, x: Any, state: _State) -> _State:
    """ONNX's gates in order: input, output, forget, cell."""
    h, c = state
    op, (f, g, last) = relax.op, cell.functions
    i_in, o_in, f_in, c_in = _split(cell, cell.plus(x, cell.product(h)), 4)
    i = f(cell.limited(_peep(cell, i_in, c, 0)))
    new = op.multiply(i, g(cell.limited(c_in)))
    if c is not None:
        kept = cell.limited(_peep(cell, f_in, c, 2))
        forget = (
            op.subtract(cell.node.const(1), i) if cell.node.attr("input_forget", 0) else f(kept)
        )
        new = op.add(op.multiply(forget, c), new)
    new = cell.node.emit(new)
    o = f(cell.limited(_peep(cell, o_in, new, 1)))
    return cell.node.emit(op.multiply(o, last(new))), new


def _gru(cell: _Cell, x: Any, state: _State) -> _State:
    """ONNX's gates in order: update, reset, hidden."""
    h, op, node = state[0], relax.op, cell.node
    f, g = cell.functions
    z_in, r_in, h_in = _split(cell, x, 3)
    if h is not None:
        z_more, r_more = _split(cell, cell.product(h, slice(0, 2)), 2)
        z_in, r_in = cell.plus(z_in, z_more), cell.plus(r_in, r_more)
    z, r = (node.emit(f(cell.limited(gate))) for gate in (z_in, r_in))
    hidden = g(cell.limited(cell.plus(h_in, _reset(cell, h, r))))
    new = op.multiply(op.subtract(node.const(1), z), hidden)
    return cell.plus(node.emit(new), None if h is None else op.multiply(z, h)), None


def _reset(cell: _Cell, h: Any, r: Any) -> Any:
    """What the state adds to the hidden gate, behind or before its product."""
    op, node = relax.op, cell.node
    if node.attr("linear_before_reset", 0):
        bias = node.const(cell.bias[1][2 * cell.hidden :])
        product = cell.product(h, slice(2, 3))
        return op.multiply(r, bias if product is None else op.add(product, bias))
    return None if h is None else cell.product(node.emit(op.multiply(r, h)), slice(2, 3))


def _rnn(cell: _Cell, x: Any, state: _State) -> _State:
    total = cell.plus(x, cell.product(state[0]))
    return cell.node.emit(cell.functions[0](cell.limited(total))), None


_STEPS: dict[str, _Step] = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}
