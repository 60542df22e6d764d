"""Convolutions, pooling and resizing, in one, two and three dimensions."""

from typing import Any

import numpy as np

from dgtl_ray.bench.graphs.draft import Draft, Value


def _image(draft: Draft, *, least: int = 1) -> Value:
    """Batch, channels and one to three spatial dimensions."""
    return draft.pick(
        lambda v: (
            v.dtype in ("float32", "float16") and 3 <= v.rank <= 5 and min(v.shape[2:]) >= least
        )
    )


def _window(draft: Draft, x: Value, *, dilates: bool = True) -> dict[str, Any]:
    """Kernel, strides, dilations and padding that fit."""
    spatial = x.shape[2:]
    kernel = [draft.integer(1, min(3, size)) for size in spatial]
    window: dict[str, Any] = {"kernel_shape": kernel}
    if draft.chance(0.6):
        window["strides"] = [draft.integer(1, 2) for _ in spatial]
    if dilates and draft.chance(0.3):
        window["dilations"] = [
            draft.integer(1, 2) if 2 * (k - 1) < size else 1
            for k, size in zip(kernel, spatial, strict=True)
        ]
    if draft.chance(0.2) and "dilations" not in window:
        window["auto_pad"] = draft.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
    elif draft.chance(0.6):
        window["pads"] = [draft.integer(0, k // 2) for k in (*kernel, *kernel)]
    return window


def convolution(draft: Draft) -> None:
    """With groups, bias, strides, dilations and padding, each or none."""
    x = _image(draft)
    window = _window(draft, x)
    channels = x.shape[1]
    groups = draft.choice([g for g in range(1, channels + 1) if channels % g == 0])
    out = groups * draft.integer(1, 3)
    taps = channels // groups * int(np.prod(window["kernel_shape"]))
    shape = (out, channels // groups, *window["kernel_shape"])
    names = [draft.constant(draft.numbers(shape, x))]
    if draft.chance():
        names.append(draft.constant(draft.numbers((out,), x)))
    bound = taps * x.largest + 1.0
    group = groups if groups > 1 or draft.chance() else None
    if draft.chance():
        window.pop("kernel_shape")
    draft.add("Conv", [x, *names], low=-bound, high=bound, group=group, **window)


def transposed(draft: Draft) -> None:
    """A transposed convolution."""
    x = _image(draft)
    draft.need(x.rank <= 4)
    window = _window(draft, x)
    draft.need("auto_pad" not in window)
    channels = x.shape[1]
    groups = draft.choice([g for g in range(1, channels + 1) if channels % g == 0])
    each = draft.integer(1, 2)
    if "strides" in window and draft.chance():
        window["output_padding"] = [draft.integer(0, s - 1) for s in window["strides"]]
    shape = (channels, each, *window["kernel_shape"])
    names = [draft.constant(draft.numbers(shape, x))]
    if draft.chance():
        names.append(draft.constant(draft.numbers((groups * each,), x)))
    bound = channels // groups * int(np.prod(window["kernel_shape"])) * x.largest + 1.0
    draft.add("ConvTranspose", [x, *names], low=-bound, high=bound, group=groups, **window)


def pooling(draft: Draft) -> None:
    """Largest or mean of a window, or of everything."""
    x = _image(draft)
    kind = draft.choice(["MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"])
    exact = x.exact and kind in ("MaxPool", "GlobalMaxPool")
    if kind.startswith("Global"):
        draft.add(kind, [x], low=x.low, high=x.high, exact=exact)
        return
    dilates = kind == "MaxPool" or draft.opset >= 19
    window = _window(draft, x, dilates=dilates)
    if _ends_inside(x, window) and draft.chance(0.4):
        window["ceil_mode"] = 1
    if kind == "AveragePool":
        window["count_include_pad"] = draft.choice([None, 1])
    draft.add(kind, [x], low=min(x.low, 0.0), high=max(x.high, 0.0), exact=exact, **window)


def _ends_inside(x: Value, window: dict[str, Any]) -> bool:
    """Whether rounding up adds no window that begins in the padding.

    There implementations differ from the standard's shapes.
    """
    if "auto_pad" in window or "dilations" in window:
        return False
    rank = x.rank - 2
    strides = window.get("strides", [1] * rank)
    pads = window.get("pads", [0] * 2 * rank)
    for axis, (size, kernel) in enumerate(zip(x.shape[2:], window["kernel_shape"], strict=True)):
        before, after = pads[axis], pads[axis + rank]
        count = -(-(size + before + after - kernel) // strides[axis]) + 1
        if (count - 1) * strides[axis] >= size + before:
            return False
    return True


def resize(draft: Draft) -> None:
    """Nearest, linear and cubic; by scales or to sizes, in all coordinates."""
    x = draft.pick(lambda v: v.dtype == "float32" and v.rank == 4 and min(v.shape[2:]) >= 2)
    mode = draft.choice(["nearest", "linear", "cubic", "nearest"])
    names = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]
    attributes: dict[str, Any] = {
        "mode": mode,
        "coordinate_transformation_mode": draft.choice([None, *names]),
    }
    if mode == "nearest":
        rounding = ["round_prefer_floor", "floor", "ceil", "round_prefer_ceil"]
        attributes["nearest_mode"] = draft.choice([None, *rounding])
    if mode == "cubic":
        attributes["cubic_coeff_a"] = draft.choice([None, -0.5])
    bound = 2 * x.largest
    low, high = (x.low, x.high) if mode != "cubic" else (-bound, bound)
    exact = x.exact and mode == "nearest"
    draft.add("Resize", [x, "", *_sizes(draft, x)], low=low, high=high, exact=exact, **attributes)


def _sizes(draft: Draft, x: Value) -> list[str]:
    """Scales, or sizes in their place."""
    if draft.chance():
        scales = [1.0, 1.0, *(draft.choice([0.5, 1.0, 1.5, 2.0, 2.5, 3.0]) for _ in range(2))]
        return [draft.constant(np.array(scales, np.float32))]
    spatial = [draft.integer(1, 2 * size) for size in x.shape[2:]]
    return ["", draft.integers([*x.shape[:2], *spatial])]


def upsample(draft: Draft) -> None:
    """A deprecated operator that old files hold."""
    draft.need(draft.opset == 9)
    x = draft.pick(lambda v: v.dtype == "float32" and v.rank == 4)
    scales = draft.constant(np.array([1, 1, 2, 2], np.float32))
    mode = draft.choice(["nearest", "linear"])
    draft.add("Upsample", [x, scales], low=x.low, high=x.high, mode=mode)
