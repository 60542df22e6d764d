"""Matrix products, and recurrent layers."""

from typing import Any

import numpy as np

from dgtl_ray.bench.graphs.draft import Draft, Value


def matmul(draft: Draft) -> None:
    """With a constant or with another value, batches broadcast, vectors too."""
    x = draft.float_value(1)
    inner = x.shape[-1]
    found = [
        v
        for v in draft.values
        if v.dtype == x.dtype and v.rank >= 1 and v.shape[-2 if v.rank > 1 else -1] == inner
    ]
    if found and draft.chance():
        y = draft.choice(found)
        bound = inner * x.largest * y.largest
        draft.add("MatMul", [x, y], low=-bound, high=bound)
        return
    shape = draft.choice([(inner, draft.integer(1, 8)), (inner,), (2, inner, 3)])
    if x.rank > 2 and draft.chance(0.3):
        shape = (x.shape[-3], inner, 4)
    bound = inner * x.largest
    draft.add("MatMul", [x, draft.constant(draft.numbers(shape, x))], low=-bound, high=bound)


def gemm(draft: Draft) -> None:
    """Factors, transposes, and an addend of any shape that broadcasts."""
    x = draft.float_value(2, 2)
    trans_a, trans_b = draft.chance(0.3), draft.chance()
    rows, inner = x.shape[::-1] if trans_a else x.shape
    columns = draft.integer(1, 8)
    shape = (columns, inner) if trans_b else (inner, columns)
    names = [draft.constant(draft.numbers(shape, x))]
    if draft.chance(0.8):
        addend = draft.choice([(columns,), (1, columns), (rows, 1), (rows, columns), ()])
        names.append(draft.constant(draft.numbers(addend, x)))
    bound = 2 * inner * x.largest + 2.0
    given: dict[str, Any] = {"transA": int(trans_a), "transB": int(trans_b)}
    if draft.chance():
        given |= {"alpha": 0.5, "beta": 1.5}
    draft.add("Gemm", [x, *names], low=-bound, high=bound, **given)


def einsum(draft: Draft) -> None:
    """A few equations of two operands."""
    x = draft.pick(lambda v: v.dtype == "float32" and v.rank in (2, 3))
    size = x.shape[-1]
    columns = draft.integer(1, 5)
    letters = "ab"[: x.rank - 1]
    equation = draft.choice(
        [f"{letters}k,kn->{letters}n", f"{letters}k,nk->n{letters}", f"{letters}k,kn->{letters}"]
    )
    shape = (columns, size) if "nk" in equation else (size, columns)
    weights = draft.constant(draft.numbers(shape, x))
    bound = columns * size * x.largest
    draft.add("Einsum", [x, weights], low=-bound, high=bound, equation=equation)


_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def recurrent(draft: Draft) -> None:
    """LSTM, GRU or RNN in one direction or both, with its sequence and its last states."""
    x = draft.pick(
        lambda v: v.dtype == "float32" and v.rank == 3 and v.shape[0] <= 6 and v.largest <= 100
    )
    kind = draft.choice(list(_GATES))
    direction = draft.choice([None, "forward", "reverse", "bidirectional"])
    directions, hidden = (2 if direction == "bidirectional" else 1), draft.integer(2, 5)
    rows = _GATES[kind] * hidden
    inputs: list[Value | str] = [
        x,
        draft.constant(draft.numbers((directions, rows, x.shape[2]), x, -0.5, 0.5)),
        draft.constant(draft.numbers((directions, rows, hidden), x, -0.5, 0.5)),
    ]
    if draft.chance(0.7):
        inputs.append(draft.constant(draft.numbers((directions, 2 * rows), x, -0.5, 0.5)))
        if draft.chance(0.4):
            initial = draft.numbers((directions, x.shape[1], hidden), x)
            inputs += ["", draft.constant(initial)]
            inputs += [draft.constant(initial[::-1].copy())] if kind == "LSTM" else []
    given: dict[str, Any] = {"hidden_size": hidden, "direction": direction}
    if kind == "GRU":
        given["linear_before_reset"] = draft.choice([None, 1])
    outputs = 3 if kind == "LSTM" and draft.chance() else draft.integer(1, 2)
    bound = float(np.prod(x.shape)) if kind == "LSTM" else 1.0
    draft.add(kind, inputs, low=-bound, high=bound, outputs=outputs, **given)
