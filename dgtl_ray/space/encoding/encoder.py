"""Puts the feature groups together, batch by batch."""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.roles import IntArray
from dgtl_ray.space.constraints import Constraints
from dgtl_ray.space.descriptors import NO_DEVICE
from dgtl_ray.space.encoding.algorithms import algorithm_features
from dgtl_ray.space.encoding.cpu import cpu_features
from dgtl_ray.space.encoding.cuda import cuda_features
from dgtl_ray.space.encoding.footprints import footprint_features
from dgtl_ray.space.encoding.others import other_features
from dgtl_ray.space.encoding.tiles import alignment_features, tile_features
from dgtl_ray.space.encoding.view import Columns, View
from dgtl_ray.space.encoding.workload import device_features, workload_features
from dgtl_ray.space.limits import Limits
from dgtl_ray.space.nest import LEVELS, Access, Axis, Nest
from dgtl_ray.space.sketch import Sketch
from dgtl_ray.space.tiling import Tiling

Group = Callable[[View, Columns], None]

_SHARED: tuple[Group, ...] = (tile_features, alignment_features, footprint_features)
_DESCRIPTORS: tuple[Group, ...] = (other_features, workload_features, device_features)
_GROUPS: dict[str, tuple[Group, ...]] = {
    "cpu": (*_SHARED, cpu_features, *_DESCRIPTORS, algorithm_features),
    "cuda": (*_SHARED, cuda_features, *_DESCRIPTORS),
}
# Columns that a later version added, each time at the end; rows written before hold 0 there.
_ADDED: dict[str, tuple[int, ...]] = {"cpu": (3, 1)}

# Configurations encoded at a time: their columns stay in the cache.
BATCH = 4096
# More columns than any kind has.
_CAPACITY = 512


@cache
def column_names(kind: str) -> tuple[str, ...]:
    """The encoding's columns: every sketch of a kind adds the same ones, in the same order."""
    point = Constraints(kind, _POINT[kind], _LIMITS)
    return tuple(_features(kind, point, np.zeros((1, 0), np.int32), NO_DEVICE, _CAPACITY).names)


@cache
def earlier_widths(kind: str) -> tuple[int, ...]:
    """Columns of the encodings that earlier versions wrote: the first ones of today's."""
    added = _ADDED.get(kind, ())
    return tuple(len(column_names(kind)) - sum(added[k:]) for k in range(len(added)))


def widen(encoding: NDArray[np.float32], columns: int) -> NDArray[np.float32]:
    """An encoding (n × any) with zeros in the columns that it lacks (n × columns)."""
    return np.pad(encoding, ((0, 0), (0, max(columns - encoding.shape[1], 0))))


def encode_choices(
    kind: str,
    constraints: Constraints,
    choices: IntArray,
    device: DeviceDescriptor,
    out: NDArray[np.float32],
    rows: NDArray[np.intp],
) -> None:
    """Encode choices (n × knobs) of one sketch into the given rows of `out`."""
    for start in range(0, len(choices), BATCH):
        batch = slice(start, start + BATCH)
        features = _features(kind, constraints, choices[batch], device, out.shape[1])
        out[rows[batch]] = features.rows


def _features(
    kind: str,
    constraints: Constraints,
    choices: IntArray,
    device: DeviceDescriptor,
    capacity: int,
) -> Columns:
    tiling = Tiling(constraints.sketch, choices)
    view = View(tiling=tiling, limits=constraints.limits, device=device)
    columns = Columns(len(choices), capacity)
    for group in _GROUPS[kind]:
        group(view, columns)
    return columns


# The smallest configuration there is: one point, one store. It names the columns.
_POINT = {
    kind: Sketch(
        knobs=(),
        nest=Nest(
            axes=(Axis(name="point", extent=1, reduction=False),),
            levels=levels,
            reads=(),
            write=Access(buffer="out", shape=(1,), coefficients=((1,),), element_bytes=4),
        ),
        tiles=(-1,),
        instructions="[]",
    )
    for kind, levels in LEVELS.items()
}
_LIMITS = Limits(
    threads_per_block=1, shared_bytes_per_block=1, registers_per_block=1024, warp_size=1
)
