"""Reductions, norms, softmax, sorting and sums along an axis."""

from typing import Any

import numpy as np

from dgtl_ray.bench.graphs.draft import Draft, Value

_REDUCTIONS = ("Sum", "Mean", "Max", "Min", "L1", "L2", "LogSumExp", "SumSquare", "Prod")


def reduction(draft: Draft) -> None:
    """Over some axes or all, kept or not; axes are attributes before opset 18 (Sum: 13)."""
    kind = draft.choice(_REDUCTIONS)
    limit = {"LogSumExp": 20.0, "Prod": 1.2}.get(kind, 50.0)
    x = draft.pick(lambda v: v.dtype == "float32" and v.rank >= 1 and v.largest <= limit)
    axes = [int(k) for k in draft.random.permutation(x.rank)[: draft.integer(1, x.rank)]]
    if draft.chance(0.3):
        axes = [axis - x.rank for axis in axes]
    keeps: dict[str, Any] = {"keepdims": draft.choice([None, 0, 1])}
    more: list[str] = []
    if draft.chance(0.85):
        if draft.opset >= (13 if kind == "Sum" else 18):
            more = [draft.integers(axes)]
        else:
            keeps["axes"] = axes
    low, high = _range(kind, x)
    exact = x.exact and kind in ("Max", "Min")
    draft.add(f"Reduce{kind}", [x, *more], low=low, high=high, exact=exact, **keeps)


def _range(kind: str, x: Value) -> tuple[float, float]:
    count = float(np.prod(x.shape))
    if kind in ("Max", "Min", "Mean"):
        return x.low, x.high
    if kind == "Prod":
        bound = max(x.largest, 1.0) ** count
        return -bound, bound
    if kind == "LogSumExp":
        return x.low, x.high + float(np.log(count))
    each = {"SumSquare": x.largest**2}.get(kind, x.largest)
    return (-count * each if kind == "Sum" else 0.0), count * each


def position(draft: Draft) -> None:
    """Where the largest or smallest is; which of several equal ones is an attribute."""
    x = draft.pick(lambda v: v.exact and v.rank >= 1 and v.dtype in ("float32", "int32"))
    axis = draft.integer(-x.rank, x.rank - 1)
    draft.add(
        draft.choice(["ArgMax", "ArgMin"]),
        [x],
        low=0.0,
        high=float(x.shape[axis]),
        exact=True,
        axis=axis,
        keepdims=draft.choice([None, 0, 1]),
        select_last_index=draft.choice([None, None, 1]),
    )


def cumulative(draft: Draft) -> None:
    """Sums from one end, or the other, with or without the element itself."""
    x = draft.pick(lambda v: v.rank >= 1 and v.dtype in ("float32", "int64") and v.largest < 50)
    bound = x.largest * max(x.shape)
    axis = draft.integer(-x.rank, x.rank - 1)
    draft.add(
        "CumSum",
        [x, draft.integers(axis)],
        low=-bound,
        high=bound,
        exact=not x.floats,
        exclusive=draft.choice([None, 1]),
        reverse=draft.choice([None, 1]),
    )


def top_k(draft: Draft) -> None:
    """The largest or smallest of exact numbers, and where they are; ties are unlikely."""
    x = draft.pick(lambda v: v.rank >= 1 and v in draft.inputs and v.dtype == "float32")
    axis = draft.integer(-x.rank, x.rank - 1)
    count = draft.integer(1, x.shape[axis])
    draft.add(
        "TopK",
        [x, draft.integers([count])],
        low=min(x.low, 0.0),
        high=max(x.high, float(x.shape[axis])),
        exact=True,
        outputs=2,
        axis=axis,
        largest=draft.choice([None, 0, 1]),
    )


def softmax(draft: Draft) -> None:
    """Along any axis."""
    x = draft.pick(lambda v: v.floats and v.rank >= 1 and v.largest <= 50)
    axis = draft.choice([None, draft.integer(-x.rank, x.rank - 1)])
    if draft.chance(0.7):
        draft.add("Softmax", [x], low=0.0, high=1.0, axis=axis)
    else:
        draft.add("LogSoftmax", [x], low=-2 * x.largest - 6.0, high=0.0, axis=axis)


def layer_norm(draft: Draft) -> None:
    """From an axis on; a scale of the normalised shape, or of fewer dimensions."""
    draft.since(17)
    x = draft.pick(lambda v: v.dtype == "float32" and v.rank >= 2 and v.shape[-1] > 1)
    axis = draft.integer(1, x.rank - 1)
    shape = x.shape[axis:] if draft.chance(0.8) else x.shape[-1:]
    parameters = [draft.constant(draft.numbers(shape, x))]
    if draft.chance(0.8):
        parameters.append(draft.constant(draft.numbers(shape, x)))
    bound = float(np.sqrt(np.prod(x.shape[axis:]))) + 1.0
    epsilon = draft.choice([None, 1e-3])
    given = draft.choice([axis, axis - x.rank])
    draft.add(
        "LayerNormalization", [x, *parameters], low=-bound, high=bound, axis=given, epsilon=epsilon
    )


def image_norm(draft: Draft) -> None:
    """Batch, instance and group norm over channels."""
    x = draft.pick(lambda v: v.dtype == "float32" and v.rank >= 3 and max(v.shape[2:]) > 1)
    channels = x.shape[1]
    kind = draft.choice(["Batch", "Instance", "Group"])
    names = [draft.constant(draft.numbers((channels,), x)) for _ in range(2)]
    bound = float(np.sqrt(np.prod(x.shape))) + 1.0
    if kind == "Batch":
        mean = draft.constant(draft.numbers((channels,), x))
        variance = draft.constant(draft.numbers((channels,), x, 0.5, 2.0))
        bound = 2 * x.largest + 3.0
        draft.since(15)
        draft.add("BatchNormalization", [x, *names, mean, variance], low=-bound, high=bound)
    elif kind == "Instance":
        draft.add("InstanceNormalization", [x, *names], low=-bound, high=bound)
    else:
        draft.since(21)
        groups = draft.choice([g for g in range(1, channels + 1) if channels % g == 0])
        draft.add("GroupNormalization", [x, *names], low=-bound, high=bound, num_groups=groups)


def other_norm(draft: Draft) -> None:
    """Across channels nearby, and to a norm of one."""
    if draft.chance():
        x = draft.pick(lambda v: v.dtype == "float32" and v.rank == 4)
        size = draft.choice([1, 3, 5])
        draft.add("LRN", [x], low=-x.largest, high=x.largest, size=size, alpha=0.01, bias=1.5)
        return
    x = draft.pick(lambda v: v.dtype == "float32" and v.rank >= 1 and v.low > 0.01)
    axis = draft.integer(-x.rank, x.rank - 1)
    draft.add("LpNormalization", [x], low=0.0, high=1.0, axis=axis, p=draft.choice([None, 1, 2]))
