"""A random graph from its seed."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx

from dgtl_ray.bench.graphs import elementwise, moving, products, reducing, sliding
from dgtl_ray.bench.graphs.draft import DoesNotFitError, Draft
from dgtl_ray.core.seeds import stream

Operator = Callable[[Draft], None]

# Families and how often each is drawn.
FAMILIES: Sequence[tuple[float, Sequence[Operator]]] = (
    (
        4.0,
        (
            elementwise.unary, elementwise.with_range, elementwise.exact_unary,
            elementwise.parametrised, elementwise.clip, elementwise.stepped, elementwise.binary,
            elementwise.binary, elementwise.division, elementwise.power, elementwise.prelu,
            elementwise.variadic, elementwise.compare, elementwise.logical, elementwise.where,
            elementwise.where, elementwise.cast,
        ),
    ),
    (
        3.0,
        (
            moving.transpose, moving.reshape, moving.flatten, moving.squeeze, moving.unsqueeze,
            moving.slice_, moving.slice_, moving.gather, moving.embedding, moving.gather_elements,
            moving.gather_nd, moving.concat, moving.split, moving.pad, moving.tile, moving.expand,
            moving.space_and_depth, moving.triangle, moving.scatter,
        ),
    ),
    (
        2.5,
        (
            reducing.reduction, reducing.reduction, reducing.position, reducing.cumulative,
            reducing.top_k, reducing.softmax, reducing.layer_norm, reducing.image_norm,
            reducing.image_norm, reducing.other_norm,
        ),
    ),
    (
        3.0,
        (
            sliding.convolution, sliding.convolution, sliding.transposed, sliding.pooling,
            sliding.pooling, sliding.resize, sliding.resize, sliding.resize,
        ),
    ),
    (
        2.0,
        (
            products.matmul, products.gemm, products.einsum, products.recurrent,
            products.recurrent,
        ),
    ),
)  # fmt: skip
_OPSETS = (13, 17, 18, 20, 21)
_DTYPES = ("float32",) * 8 + ("float16", "float64")
_SHAPES: Sequence[Callable[[Draft], tuple[int, ...]]] = (
    lambda d: (1, d.choice([1, 2, 3, 4, 8]), d.integer(2, 7), d.integer(2, 7)),
    lambda d: (1, d.choice([1, 2, 3, 4, 8]), d.integer(2, 7), d.integer(2, 7)),
    lambda d: (d.integer(1, 4), d.integer(2, 6), d.integer(2, 8)),
    lambda d: (d.integer(1, 6), d.integer(2, 12)),
    lambda d: (1, d.integer(1, 3), d.integer(2, 4), d.integer(2, 4), d.integer(2, 4)),
    lambda d: (d.integer(2, 12),),
)
_ATTEMPTS = 200


def make_graph(seed: int, number: int) -> onnx.ModelProto:
    """Graph `number` of those with that seed: 3 to 8 nodes, one or two inputs."""
    random = stream(seed, "graphs", number)
    draft = Draft(random, int(random.choice(_OPSETS)))
    dtype = draft.choice(_DTYPES)
    shape = draft.choice(_SHAPES)(draft)
    draft.input(shape, dtype, -4.0, 4.0)
    if draft.chance(0.4):
        other = shape if draft.chance() else (1,) * (len(shape) - 1) + shape[-1:]
        draft.input(other, dtype, -4.0, 4.0)
    if draft.chance(0.1):
        draft.input((draft.integer(2, 4), draft.integer(2, 6)), "int32", -9.0, 9.0)
    grow(draft, draft.integer(3, 8))
    return draft.model()


def grow(draft: Draft, count: int) -> None:
    """Add so many nodes, each by an operator that fits."""
    weights = np.array([weight for weight, _ in FAMILIES])
    for _ in range(_ATTEMPTS):
        if len(draft.nodes) >= count:
            return
        family = FAMILIES[int(draft.random.choice(len(FAMILIES), p=weights / weights.sum()))][1]
        try:
            draft.choice(family)(draft)
        except DoesNotFitError:
            continue
