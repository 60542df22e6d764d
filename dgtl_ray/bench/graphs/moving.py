"""Operators that move elements: transposes, slices, joins, padding, look-ups."""

from typing import Any

import numpy as np

from dgtl_ray.bench.graphs.draft import Draft, Value


def _any(draft: Draft, rank: int = 1) -> Value:
    """A value that can be moved."""
    return draft.pick(lambda v: v.rank >= rank and v.dtype not in ("int8", "uint8"))


def _moved(draft: Draft, operator: str, x: Value, *more: str, **attributes: Any) -> None:
    """Results are elements of `x`, or zeros."""
    low, high = min(x.low, 0.0), max(x.high, 0.0)
    draft.add(operator, [x, *more], low=low, high=high, exact=x.exact, **attributes)


def _same_range(draft: Draft, operator: str, x: Value, *more: str, **attributes: Any) -> None:
    """Results are elements of `x`."""
    draft.add(operator, [x, *more], low=x.low, high=x.high, exact=x.exact, **attributes)


def transpose(draft: Draft) -> None:
    """A permutation, or the reversal where none is given."""
    x = _any(draft)
    order = [int(axis) for axis in draft.random.permutation(x.rank)]
    _same_range(draft, "Transpose", x, perm=order if draft.chance(0.9) else None)


def reshape(draft: Draft) -> None:
    """Factors dealt out anew; one size may be −1, one 0: as it was."""
    x = _any(draft, 0)
    left = int(np.prod(x.shape, dtype=int))
    sizes = []
    for _ in range(draft.integer(0, 3)):
        factor = draft.choice([k for k in range(1, left + 1) if left % k == 0])
        sizes.append(factor)
        left //= factor
    sizes.append(left)
    if draft.chance():
        sizes[draft.integer(0, len(sizes) - 1)] = -1
    if x.rank and sizes[0] == x.shape[0] and draft.chance():
        sizes[0] = 0
    _same_range(draft, "Reshape", x, draft.integers(sizes))


def flatten(draft: Draft) -> None:
    """To two dimensions."""
    x = _any(draft)
    _same_range(draft, "Flatten", x, axis=draft.integer(-x.rank, x.rank))


def squeeze(draft: Draft) -> None:
    """A dimension of one away, or all of them."""
    x = draft.pick(lambda v: 1 in v.shape)
    axes = [axis for axis, size in enumerate(x.shape) if size == 1]
    chosen = draft.choice(axes)
    names = [draft.integers([chosen - x.rank if draft.chance() else chosen])]
    _same_range(draft, "Squeeze", x, *(names if draft.chance(0.8) else []))


def unsqueeze(draft: Draft) -> None:
    """One or two dimensions of one more."""
    x = _any(draft, 0)
    count = draft.integer(1, 2)
    axes = [int(k) for k in draft.random.permutation(x.rank + count)[:count]]
    if draft.chance(0.3):
        axes = [axis - x.rank - count for axis in axes]
    _same_range(draft, "Unsqueeze", x, draft.integers(axes))


def slice_(draft: Draft) -> None:
    """Starts, ends and steps, negative ones and ones beyond the end among them."""
    x = _any(draft)
    axes = [int(k) for k in draft.random.permutation(x.rank)[: draft.integer(1, min(2, x.rank))]]
    starts, ends, steps = [], [], []
    for axis in axes:
        size = x.shape[axis]
        start = draft.integer(0, size - 1)
        stop = draft.choice([draft.integer(start + 1, size), size, 2**31 - 1])
        if draft.chance(0.25):
            starts.append(draft.choice([start, start - size]))
            ends.append(-size - 1)
            steps.append(-draft.integer(1, 2))
            continue
        starts.append(start - size if draft.chance(0.3) else start)
        ends.append(stop - size if stop < size and draft.chance(0.3) else stop)
        steps.append(draft.integer(1, 3))
    if draft.chance(0.3):
        axes = [axis - x.rank for axis in axes]
    _same_range(draft, "Slice", x, *(draft.integers(part) for part in (starts, ends, axes, steps)))


def gather(draft: Draft) -> None:
    """Rows by constant indices: a scalar, a vector, a matrix; negative ones too."""
    x = _any(draft)
    axis = draft.integer(0, x.rank - 1)
    size = x.shape[axis]
    shape = draft.choice([(), (draft.integer(1, 4),), (2, 2)])
    indices = np.asarray(draft.random.integers(-size if draft.chance() else 0, size, shape))
    name = draft.constant(indices.astype(draft.choice(["int64", "int32"])))
    _same_range(draft, "Gather", x, name, axis=axis - x.rank if draft.chance(0.3) else axis)


def embedding(draft: Draft) -> None:
    """Rows of a constant matrix by a network's own indices."""
    rows = draft.integer(3, 9)
    ids = draft.input((draft.integer(1, 2), draft.integer(2, 5)), "int64", 0, rows - 1)
    like = draft.pick(lambda v: v.floats)
    table = draft.constant(draft.numbers((rows, draft.integer(2, 8)), like))
    draft.add("Gather", [table, ids], exact=True)


def gather_elements(draft: Draft) -> None:
    """One index for each element."""
    x = _any(draft)
    axis = draft.integer(0, x.rank - 1)
    shape = list(x.shape)
    shape[axis] = draft.integer(1, 4)
    indices = draft.random.integers(0, x.shape[axis], shape)
    _same_range(draft, "GatherElements", x, draft.constant(indices), axis=axis)


def gather_nd(draft: Draft) -> None:
    """An index of several dimensions for each slice."""
    x = _any(draft, 2)
    depth = draft.integer(1, x.rank)
    rows = [draft.random.integers(0, size, 3) for size in x.shape[:depth]]
    _same_range(draft, "GatherND", x, draft.constant(np.stack(rows, -1)))


def concat(draft: Draft) -> None:
    """Two or three values along an axis on which they may differ."""
    x = _any(draft)
    axis = draft.integer(0, x.rank - 1)
    rest = _without(x.shape, axis)
    fits = [
        v
        for v in draft.values
        if v.rank == x.rank and v.dtype == x.dtype and _without(v.shape, axis) == rest
    ]
    parts = [x, *(draft.choice(fits) for _ in range(draft.integer(1, 2)))]
    draft.add(
        "Concat",
        parts,
        low=min(v.low for v in parts),
        high=max(v.high for v in parts),
        exact=all(v.exact for v in parts),
        axis=axis - x.rank if draft.chance(0.3) else axis,
    )


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


def split(draft: Draft) -> None:
    """Two parts, of uneven sizes too."""
    x = draft.pick(lambda v: v.rank >= 1 and max(v.shape) >= 2 and v.dtype != "int8")
    axis = int(np.argmax(x.shape))
    size = x.shape[axis]
    first = draft.integer(1, size - 1)
    names = [draft.integers([first, size - first])]
    draft.add("Split", [x, *names], low=x.low, high=x.high, exact=x.exact, outputs=2, axis=axis)


def pad(draft: Draft) -> None:
    """By a constant, the edge or reflection; what is cut off is negative padding."""
    x = draft.pick(lambda v: v.floats and v.rank >= 1)
    mode = draft.choice(["constant", "edge", "reflect"])
    most = [2 if mode != "reflect" else size - 1 for size in x.shape]
    if draft.chance() and x.rank > 2:
        most[:-2] = [0] * (x.rank - 2)
    pads = [draft.integer(0, min(2, limit)) for limit in (*most, *most)]
    more = []
    if mode == "constant" and draft.chance():
        more = [draft.constant(np.array(0.5, x.dtype))]
    draft.add(
        "Pad",
        [x, draft.integers(pads), *more],
        low=min(x.low, 0.0),
        high=max(x.high, 0.5),
        exact=x.exact,
        mode=mode if mode != "constant" or draft.chance() else None,
    )


def tile(draft: Draft) -> None:
    """Repeats."""
    x = _any(draft)
    _same_range(draft, "Tile", x, draft.integers([draft.integer(1, 2) for _ in x.shape]))


def expand(draft: Draft) -> None:
    """Broadcasting to a constant shape."""
    x = _any(draft, 0)
    shape = [draft.integer(1, 3) if size == 1 else size for size in x.shape]
    if draft.chance(0.3):
        shape = [2, *shape]
    _same_range(draft, "Expand", x, draft.integers(shape))


def space_and_depth(draft: Draft) -> None:
    """Blocks of pixels into channels, or back."""
    if draft.chance():
        x = draft.pick(lambda v: v.floats and v.rank == 4 and v.shape[1] % 4 == 0)
        mode = draft.choice([None, "DCR", "CRD"])
        _same_range(draft, "DepthToSpace", x, blocksize=2, mode=mode)
        return
    x = draft.pick(
        lambda v: v.floats and v.rank == 4 and v.shape[2] % 2 == 0 and v.shape[3] % 2 == 0
    )
    _same_range(draft, "SpaceToDepth", x, blocksize=2)


def triangle(draft: Draft) -> None:
    """The upper or lower triangle of each matrix."""
    draft.since(14)
    x = draft.pick(lambda v: v.rank >= 2 and v.dtype in ("float32", "int64"))
    diagonal = [draft.integers(draft.integer(-1, 2))] if draft.chance() else []
    _moved(draft, "Trilu", x, *diagonal, upper=draft.choice([None, 0, 1]))


def scatter(draft: Draft) -> None:
    """Rows replaced by constants."""
    draft.since(16)
    x = draft.pick(lambda v: v.dtype == "float32" and v.rank >= 2)
    row = draft.integer(0, x.shape[0] - 1)
    updates = draft.constant(draft.numbers((1, *x.shape[1:]), x))
    draft.add(
        "ScatterND",
        [x, draft.integers([[row]]), updates],  # type: ignore[list-item]
        low=min(x.low, -1.0),
        high=max(x.high, 1.0),
        exact=x.exact,
    )
