"""Descriptors of the task and of the device: the same for all configurations of a space."""

from math import log2, prod

from dgtl_ray.space.descriptors import device_columns
from dgtl_ray.space.encoding.view import (
    READ_SLOTS,
    REDUCTION_SLOTS,
    SPATIAL_SLOTS,
    Columns,
    View,
    axis_slots,
)
from dgtl_ray.space.nest import Nest


def workload_features(view: View, out: Columns) -> None:
    """Extents, work, bytes, strides and windows of the anchor block, and what it is like."""
    nest, axes = view.workload, view.workload.axes
    slots = [(f"s{i}", axis) for i, axis in enumerate(axis_slots(nest, SPATIAL_SLOTS))]
    slots += [
        (f"r{i}", axis) for i, axis in enumerate(axis_slots(nest, REDUCTION_SLOTS, reduction=True))
    ]
    for slot, axis in slots:
        out.add(f"log2 extent {slot}", log2(axes[axis].extent) if axis is not None else 0.0)
    for i, access in enumerate((*nest.reads[:READ_SLOTS], None, None)[:READ_SLOTS]):
        elements = prod(access.shape) * access.element_bytes if access else 1
        out.add(f"log2 bytes read{i}", log2(elements))
    window, stride = _window(nest), _stride(nest)
    reduced = prod(axis.extent for axis in axes if axis.reduction)
    out.add("log2 bytes", log2(_bytes(nest)))
    out.add("log2 flop", log2(_flop(nest)))
    out.add("log2 intensity", log2(_flop(nest) / _bytes(nest)))
    out.add("log2 stride", log2(stride))
    out.add("log2 window", log2(window))
    out.add("log2 contraction", log2(reduced / window))
    out.add("reduces", float(reduced > 1))
    out.add("windowed", float(window > 1))
    out.add("contracts", float(reduced > window))
    out.add("two operands", float(len(nest.reads) > 1))
    out.add("tiled", float(view.sketch.tiled))
    out.add("partial results outer", float(view.sketch.rfactor == 0))
    out.add("partial results inner", float(view.sketch.rfactor == 1))


def device_features(view: View, out: Columns) -> None:
    """The device's descriptor, and what the task would need on it at its best."""
    device, nest = view.device, view.workload
    compute_s = _flop(nest) / (device.peak_gflops * 1e9)
    memory_s = _bytes(nest) / (device.bandwidth_gb_s * 1e9)
    for name, value in device_columns(device).items():
        out.add(name, value)
    out.add("log2 compute seconds", log2(compute_s))
    out.add("log2 memory seconds", log2(memory_s))
    out.add("log2 roofline seconds", log2(max(compute_s, memory_s)))


def _flop(nest: Nest) -> float:
    """Operations of the anchor block: a multiply and an add a point where it reduces."""
    points = prod(axis.extent for axis in nest.axes)
    reduces = any(axis.reduction for axis in nest.axes)
    return float(points * (2 if reduces and len(nest.reads) > 1 else 1))


def _bytes(nest: Nest) -> float:
    """Bytes of the anchor block's operands, each counted once."""
    operands = (*nest.reads, nest.write)
    return float(sum(prod(access.shape) * access.element_bytes for access in operands))


def _window(nest: Nest) -> int:
    """Points of the window that slides over the input: the kernel size of a convolution.

    A reduction axis is part of the window where an index adds it to a spatial axis.
    """
    reduction = [i for i, axis in enumerate(nest.axes) if axis.reduction]
    sliding = {
        i
        for access in nest.reads
        for row in access.coefficients
        for i in reduction
        if row[i] and any(c for j, c in enumerate(row) if j not in reduction)
    }
    return prod(nest.axes[i].extent for i in sliding)


def _stride(nest: Nest) -> int:
    """The window's step: the greatest coefficient of a spatial axis in an index."""
    return max(
        (
            abs(row[i])
            for access in nest.reads
            for row in access.coefficients
            for i, axis in enumerate(nest.axes)
            if not axis.reduction and row[i]
        ),
        default=1,
    )
