"""Converters of our own beside ONNX Runtime, over their attributes."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.model import TargetSpec, load_network
from dgtl_ray.model.checking.checking import check
from tests.model.operators import Array, Graph

_int32 = partial(np.array, dtype="int32")
_int64 = partial(np.array, dtype="int64")
_float32 = partial(np.array, dtype="float32")


def upsample_7() -> Graph:
    graph = Graph(7)
    x = graph.floats(1, 2, 3, 4)
    for mode, scales in product(("nearest", "linear"), ([1.0, 1, 2, 2], [1, 1, 1.5, 2.4])):
        graph.node("Upsample", [x], mode=mode, scales=[float(s) for s in scales])
    return graph


def resize_10() -> Graph:
    graph = Graph(10)
    x = graph.floats(1, 2, 5, 4)
    for mode, scales in product(("nearest", "linear"), ([1.0, 1, 2, 2], [1, 1, 0.6, 1.7])):
        graph.node("Resize", [x, graph.weight(_float32(scales))], mode=mode)
    return graph


def resize_nearest() -> Graph:
    graph = Graph(13)
    x = graph.floats(1, 2, 5, 4)
    scales = graph.weight(_float32([1, 1, 1.5, 0.6]))
    sizes = graph.weight(_int64([1, 2, 10, 7]))
    coordinates = ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
    roundings = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    for where, rounding in product(coordinates, roundings):
        how: dict[str, Any] = {"coordinate_transformation_mode": where, "nearest_mode": rounding}
        graph.node("Resize", [x, None, scales], mode="nearest", **how)
        graph.node("Resize", [x, None, None, sizes], mode="nearest", **how)
    return graph


def resize_smooth() -> Graph:
    graph = Graph(19)
    x = graph.floats(1, 2, 7, 4)
    scales = graph.weight(_float32([1, 1, 2.5, 0.6]))
    sizes = graph.weight(_int64([1, 2, 14, 8]))
    coordinates = ("half_pixel", "asymmetric", "align_corners", "half_pixel_symmetric")
    for mode, where in product(("linear", "cubic"), coordinates):
        how: dict[str, Any] = {"coordinate_transformation_mode": where, "mode": mode}
        graph.node("Resize", [x, None, scales], **how)
        graph.node("Resize", [x, None, None, sizes], **how)
    graph.node("Resize", [x, None, scales], mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1)
    roi = graph.weight(_float32([0, 0, 0.2, -0.1, 1, 1, 0.7, 1.2]))
    crop: dict[str, Any] = {
        "coordinate_transformation_mode": "tf_crop_and_resize",
        "extrapolation_value": 9.0,
    }
    graph.node("Resize", [x, roi, None, sizes], mode="linear", **crop)
    return graph


def resize_some_axes() -> Graph:
    graph = Graph(18)
    x = graph.floats(1, 2, 8, 6)
    scales, sizes = graph.weight(_float32([0.4, 0.5])), graph.weight(_int64([4, 5]))
    for mode in ("linear", "cubic"):
        for outside in (0, 1):
            how: dict[str, Any] = {
                "mode": mode,
                "antialias": 1,
                "axes": [2, 3],
                "exclude_outside": outside,
            }
            graph.node("Resize", [x, None, scales], **how)
            graph.node("Resize", [x, None, None, sizes], **how)
    for policy in ("not_larger", "not_smaller"):
        how = {
            "mode": "nearest",
            "axes": [2, 3],
            "keep_aspect_ratio_policy": policy,
        }
        graph.node("Resize", [x, None, None, graph.weight(_int64([12, 13]))], **how)
    return graph


def resize_other_ranks() -> Graph:
    graph = Graph(13)
    for shape in ((1, 2, 9), (1, 2, 3, 4, 5)):
        sizes = graph.weight(_int64([1, 2, *(2 * n + 1 for n in shape[2:])]))
        for mode in ("nearest", "linear"):
            graph.node("Resize", [graph.floats(*shape), None, None, sizes], mode=mode)
    return graph


def transposed() -> Graph:
    graph = Graph(14)
    x, w = graph.floats(1, 2, 4, 5), graph.weight(graph.floats(2, 3, 3, 3))
    b = graph.weight(graph.floats(3))
    for shape in ([8, 10], [7, 9], [10, 12], [9, 11]):
        graph.node("ConvTranspose", [x, w, b], strides=[2, 2], output_shape=shape)
    for padding in ([1, 0], [1, 1]):
        how: dict[str, Any] = {"output_shape": [8, 10], "output_padding": padding}
        graph.node("ConvTranspose", [x, w, b], strides=[2, 2], **how)
    for auto in ("SAME_UPPER", "SAME_LOWER"):
        graph.node("ConvTranspose", [x, w, b], strides=[2, 2], auto_pad=auto)
    graph.node("ConvTranspose", [x, w, b], strides=[2, 2], output_padding=[1, 0], pads=[1, 0, 0, 1])
    return graph


def pooling() -> Graph:
    graph = Graph(19)
    x = graph.floats(1, 2, 7, 9)
    base: dict[str, Any] = {"kernel_shape": [3, 2], "strides": [2, 2]}
    for auto in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        graph.node("MaxPool", [x], auto_pad=auto, **base)
        for padding in (0, 1):
            graph.node("AveragePool", [x], auto_pad=auto, count_include_pad=padding, **base)
    for ceil in (0, 1):
        pads: dict[str, Any] = {"pads": [1, 0, 1, 1], "ceil_mode": ceil}
        graph.node("MaxPool", [x], **base, **pads)
        graph.node("MaxPool", [x], dilations=[2, 1], **base, **pads)
        for padding in (0, 1):
            graph.node("AveragePool", [x], count_include_pad=padding, **base, **pads)
            graph.node("AveragePool", [x], count_include_pad=padding, dilations=[2, 1], **base)
            graph.node("AveragePool", [x], count_include_pad=padding, dilations=[1, 3], **base)
            graph.node(
                "AveragePool", [x], count_include_pad=padding, dilations=[2, 1], **base, **pads
            )
    graph.node("LpPool", [x], p=2, pads=[1, 0, 1, 1], **base)
    graph.node("LpPool", [x], p=2, dilations=[1, 2], pads=[1, 0, 1, 1], **base)
    graph.node("MaxPool", [graph.floats(1, 2, 9)], kernel_shape=[3], auto_pad="SAME_LOWER")
    return graph


def normalised() -> Graph:
    graph = Graph(17)
    x = graph.floats(1, 3, 4, 4)
    scale, bias = graph.weight(graph.floats(4)), graph.weight(graph.floats(4))
    graph.node("LayerNormalization", [x, scale, bias], axis=-1, epsilon=1e-3, outputs=3)
    graph.node("LayerNormalization", [x, scale], axis=2)
    graph.node("LayerNormalization", [x, graph.weight(graph.floats(3, 4, 4))], axis=1)
    graph.node(
        "InstanceNormalization", [x, graph.weight(graph.floats(3)), graph.weight(graph.floats(3))]
    )
    graph.node("LpNormalization", [x], axis=1, p=1)
    graph.node("SimplifiedLayerNormalization", [x, scale], axis=-1)
    far = graph.floats(1, 5, 2, 3) + np.float32(100)  # where a mean of squares would be lost
    graph.node("MeanVarianceNormalization", [far])
    graph.node("LRN", [far], size=3, alpha=0.1, beta=0.5, bias=2.0)
    return graph


def scaled_by_group() -> Graph:
    """GroupNormalization as it was until opset 21."""
    graph = Graph(18)
    x, scale, bias = graph.floats(1, 6, 2, 3), graph.floats(2), graph.floats(2)
    graph.node("GroupNormalization", [x, graph.weight(scale), graph.weight(bias)], num_groups=2)
    graph.node("GroupNormalization", [x, scale, bias], num_groups=2)
    return graph


def of_other_dtypes() -> Graph:
    graph = Graph(20)
    half, whole = graph.floats(1, 2, 3, 3).astype("float16"), _int32([[7, -3], [2, 2]])
    for operator in ("Acos", "Asin", "Atan", "Atanh", "Asinh", "Cosh", "Sinh", "Elu", "Softsign"):
        graph.node(operator, [half], of=["float16"])
    grid = graph.floats(1, 4, 2, 2).astype("float16")
    graph.node("GridSample", [half, grid], of=["float16"], align_corners=1)
    for operator, axes in (("ReduceMean", [1]), ("ReduceL2", [0])):
        graph.node(operator, [whole, graph.weight(_int64(axes))], of=["int32"])
    for operator in ("Shape", "Size"):
        graph.node(operator, [half], of=["int64"])
    graph.node("Elu", [_float32(-2)], alpha=0.5)
    truth = np.array([[True, False], [True, True]])
    for operator in ("ReduceMax", "ReduceMin"):
        graph.node(operator, [truth, graph.weight(_int64([1]))], of=["bool"])
    return graph


def patterns() -> Graph:
    graph = Graph(17)
    # A shape for which indices that are divided were compiled wrongly.
    graph.node("Tile", [graph.floats(2, 3, 4, 5), graph.weight(_int64([7, 6, 4, 2]))])
    graph.node("Tile", [graph.floats(2, 1, 3), graph.weight(_int64([70, 50, 1]))])
    ids, values = _int64([[0, -1], [3, 7]]), graph.weight(_float32([0.5, 2]))
    for axis, depth in ((-1, np.float32(4)), (0, np.int64(5)), (1, np.int64(4))):
        graph.node("OneHot", [ids, graph.weight(depth), values], axis=axis)
    graph.node("EyeLike", [graph.floats(3, 4)], k=1, dtype=7, of=["int64"])
    return graph


def of_integers() -> Graph:
    graph = Graph(17)
    x, w = _bytes(8, (1, 2, 5, 5), "uint8"), graph.weight(_bytes(9, (3, 2, 3, 3), "int8"))
    zeros = [graph.weight(np.uint8(120)), graph.weight(np.int8(-3))]
    graph.node("ConvInteger", [x, w], of=["int32"])
    how: dict[str, Any] = {"pads": [1, 1, 0, 0], "strides": [2, 2]}
    graph.node("ConvInteger", [x, w, *zeros], of=["int32"], **how)
    a, b = _bytes(10, (2, 3, 4), "uint8"), graph.weight(_bytes(11, (4, 5), "int8"))
    graph.node("MatMulInteger", [a, b, zeros[0]], of=["int32"])
    kinds = ["uint8", "float32", "uint8"]
    graph.node("DynamicQuantizeLinear", [graph.floats(2, 3)], outputs=3, of=kinds)
    return graph


def shifts_and_rests() -> Graph:
    """Shifts by the width and more, rests by infinite divisors and of none."""
    graph = Graph(17)
    for kind in ("uint8", "uint32"):
        x, by = np.array([129, 4, 1, 7], kind), np.array([1, 8, 9, 200], kind)
        for direction in ("LEFT", "RIGHT"):
            graph.node("BitShift", [x, by], of=[kind], direction=direction)
    graph.node("Mod", [_int32([7, -7, 7, -7]), _int32([3, 3, -3, -3])], of=["int32"])
    inf, nan = np.inf, np.nan
    x = _float32([5.3, -5.3, 5.3, -5.3, 3, -1, inf, nan, 4])
    by = _float32([2, 2, -2, -2, inf, inf, 2, 2, nan])
    graph.node("Mod", [x, by], fmod=1)
    return graph


def _bytes(seed: int, shape: tuple[int, ...], dtype: str) -> Array:
    return np.random.default_rng(seed).integers(0, 100, shape).astype(dtype)


def elementwise() -> Graph:
    graph = Graph(17)
    x, y, z = graph.floats(2, 3), graph.floats(3), graph.floats(2, 1)
    for operator in ("Sum", "Mean", "Min", "Max"):
        graph.node(operator, [x, y, z])
    graph.node("Selu", [x])
    graph.node("Selu", [x], alpha=2.0, gamma=3.0)
    graph.node("Celu", [x], alpha=2.0)
    graph.node("Pow", [x, graph.weight(_int64(2))])
    graph.node("Pow", [x, graph.weight(np.float64(3.0))])
    graph.node("Pow", [_int64([4, 5]), graph.weight(_float32(1.5))], of=["int64"])
    graph.node("ThresholdedRelu", [x], alpha=0.25)
    graph.node("ThresholdedRelu", [x.astype("float16")], of=["float16"])
    infinite = _float32([[np.inf, -np.inf, 0]])
    graph.node("IsInf", [infinite], detect_negative=0, of=["bool"])
    graph.node("IsInf", [infinite], detect_positive=0, of=["bool"])
    graph.node("Dropout", [x], outputs=2, of=["float32", "bool"])
    for operator in ("Div", "Mod"):
        graph.node(operator, [_int32([7, -7, 7, -7]), _int32([2, 2, -2, -2])], of=["int32"])
    graph.node("Mod", [x, y], fmod=1)
    return graph


def recurrent(operator: str, gates: int, **more: Any) -> Graph:
    graph = Graph(14)
    x, hidden = graph.floats(5, 2, 3), 4
    for direction, ways in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
        w = graph.weight(graph.floats(ways, gates * hidden, 3))
        r = graph.weight(graph.floats(ways, gates * hidden, hidden))
        b = graph.weight(graph.floats(ways, 2 * gates * hidden))
        h = graph.floats(ways, 2, hidden)
        cell = [graph.floats(ways, 2, hidden)] if operator == "LSTM" else []
        how: dict[str, Any] = {
            "hidden_size": hidden,
            "direction": direction,
            "outputs": 2 + len(cell),
            **more,
        }
        graph.node(operator, [x, w, r], **how)
        graph.node(operator, [x, w, r, b, None, h, *cell], **how)
    return graph


def peepholes() -> Graph:
    graph = Graph(14)
    x, w, r = graph.floats(4, 2, 3), graph.weight(graph.floats(1, 16, 3)), graph.floats(1, 16, 4)
    more: list[Array | str | None] = [
        graph.floats(1, 2, 4),
        graph.floats(1, 2, 4),
        graph.weight(graph.floats(1, 12)),
    ]
    graph.node("LSTM", [x, w, graph.weight(r), None, None, *more], hidden_size=4, outputs=3)
    graph.node(
        "LSTM",
        [x, w, graph.weight(r), None, None, *more],
        hidden_size=4,
        clip=0.2,
        activations=["HardSigmoid", "Softsign", "Relu"],
    )
    return graph


def microsoft() -> Graph:
    graph = Graph(17)
    node = partial(graph.node, domain="com.microsoft")
    x, y = graph.floats(2, 3, 8), graph.floats(2, 3, 8)
    g, b, c = (graph.weight(graph.floats(8)) for _ in range(3))
    node("FusedMatMul", [x, y], transB=1, alpha=0.5)
    for operator in ("Gelu", "QuickGelu", "FastGelu"):
        node(operator, [x])
    node("BiasGelu", [x, b])
    node("FastGelu", [x, b])
    node("SkipLayerNormalization", [x, y, g, b], epsilon=1e-5)
    node("SkipLayerNormalization", [x, y, g, b, c], epsilon=1e-5)
    node("SkipSimplifiedLayerNormalization", [x, y, g, c], epsilon=1e-5)
    halves = [graph.floats(*shape).astype("float16") for shape in ((1, 2, 8), (1, 2, 8), (8,))]
    node("SkipLayerNormalization", [*halves[:2], graph.weight(halves[2])], of=["float16"])
    image, w = graph.floats(1, 2, 5, 5), graph.weight(graph.floats(3, 2, 3, 3))
    node("FusedConv", [image, w], activation="LeakyRelu", activation_params=[0.2])
    node("FusedConv", [image, w, graph.weight(graph.floats(3))], activation="Relu")
    return graph


def embedded() -> Graph:
    graph = Graph(17)
    ids, kinds = _int32([[1, 4, 2], [0, 3, 3]]), _int32([[0, 1, 1], [0, 0, 1]])
    tables = [graph.weight(graph.floats(n, 8)) for n in (5, 4, 2)]
    norm = [graph.weight(graph.floats(8)) for _ in range(2)]
    mask = _int32([[1, 1, 0], [1, 1, 1]])
    graph.node(
        "EmbedLayerNormalization",
        [ids, kinds, *tables, *norm, mask],
        outputs=2,
        of=["float32", "int32"],
        domain="com.microsoft",
    )
    return graph


def microsoft_attention() -> Graph:
    graph = Graph(17)
    node = partial(graph.node, domain="com.microsoft")
    x, w, b = (
        graph.floats(2, 3, 8),
        graph.weight(graph.floats(8, 24)),
        graph.weight(graph.floats(24)),
    )
    raw, ends = _int32([[1, 1, 0], [1, 1, 1]]), _int32([2, 3])
    for mask in (None, raw, ends):
        node("Attention", [x, w, b, mask], num_heads=2)
    node("Attention", [x, w, b, raw, None, graph.floats(2, 2, 3, 3)], num_heads=2)
    node("Attention", [x, w, b], num_heads=2, unidirectional=1, scale=0.3)
    k, v = graph.floats(2, 5, 8), graph.floats(2, 5, 8)
    node("MultiHeadAttention", [x, k, v, b], num_heads=2)
    seen = _int32([[1, 1, 0, 1, 0], [1, 1, 1, 1, 1]])
    node("MultiHeadAttention", [x, k, v, b, seen], num_heads=4)
    cos, sin = (graph.weight(graph.floats(6, 2)) for _ in range(2))
    positions = _int64([[0, 2, 4], [1, 3, 5]])
    for interleaved in (0, 1):
        node(
            "RotaryEmbedding",
            [graph.floats(2, 2, 3, 4), positions, cos, sin],
            interleaved=interleaved,
        )
    return graph


def attention_23() -> Graph:
    graph = Graph(23)
    q, k, v = graph.floats(1, 4, 3, 8), graph.floats(1, 2, 5, 8), graph.floats(1, 2, 5, 8)
    mask, seen = graph.floats(3, 5), np.tri(3, 5, 1) > 0
    graph.node("Attention", [q, k, v])
    graph.node("Attention", [q, k, v, mask], scale=0.2, softcap=2.0)
    graph.node("Attention", [q, k, v, seen], is_causal=1)
    past = [graph.floats(1, 2, 2, 8), graph.floats(1, 2, 2, 8)]
    graph.node("Attention", [q, k, v, None, *past], is_causal=1, outputs=3)
    flat = [graph.floats(1, 3, 8), graph.floats(1, 5, 4), graph.floats(1, 5, 4)]
    graph.node("Attention", flat, q_num_heads=4, kv_num_heads=2)
    cos, sin = (graph.weight(graph.floats(6, 4)) for _ in range(2))
    ids = _int64([[0, 2, 4]])
    for interleaved in (0, 1):
        graph.node("RotaryEmbedding", [q, cos, sin, ids], interleaved=interleaved)
    graph.node("RMSNormalization", [q, graph.weight(graph.floats(8))], epsilon=1e-3)
    channels = [graph.weight(graph.floats(4)) for _ in range(2)]
    graph.node("GroupNormalization", [q, *channels], num_groups=2)
    return graph


@pytest.mark.parametrize(
    "make",
    [
        upsample_7,
        resize_10,
        resize_nearest,
        resize_smooth,
        resize_some_axes,
        resize_other_ranks,
        transposed,
        pooling,
        normalised,
        scaled_by_group,
        elementwise,
        of_other_dtypes,
        patterns,
        of_integers,
        shifts_and_rests,
        lambda: recurrent("LSTM", 4),
        lambda: recurrent("GRU", 3),
        lambda: recurrent("GRU", 3, linear_before_reset=1),
        lambda: recurrent("RNN", 1, clip=0.5),
        peepholes,
        microsoft,
        embedded,
        microsoft_attention,
        attention_23,
    ],
)
def test_gives_the_answers_of_onnx_runtime(
    make: Callable[[], Graph], cpu: TargetSpec, tmp_path: Path
) -> None:
    assert make().wrong(tmp_path / "graph.onnx", cpu) == {}


@pytest.mark.parametrize(
    ("operator", "inputs", "how", "message"),
    [
        ("MaxPool", (1, 1, 4, 4), {"kernel_shape": [2, 2], "outputs": 2}, "Indices, is not supp"),
        ("Attention", (1, 2, 6), {"domain": "com.microsoft", "do_rotary": 1}, "do_rotary=1 is not"),
        ("NoSuch", (2, 3), {"domain": "com.microsoft"}, "the operator is not supported"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    operator: str,
    inputs: Sequence[int],
    how: dict[str, Any],
    message: str,
    cpu: TargetSpec,
    tmp_path: Path,
) -> None:
    graph = Graph(17)
    graph.node(operator, [graph.floats(*inputs)], **how)
    with pytest.raises(InputError, match=rf"node '{operator}0' \(.*{operator}\): .*{message}"):
        load_network(graph.save(tmp_path / "graph.onnx"), cpu)


@pytest.mark.parametrize(
    ("operator", "inputs", "message"),
    [
        ("Pad", [np.ones((2, 3), np.float32), _int64([0, 0, 1, 1])], "pads that the network comp"),
        ("CumSum", [np.ones(3, np.float32), _int64(0)], "axis that the network computes"),
        ("NonMaxSuppression", [np.ones((1, 4, 4), np.float32)] * 2, "the shape of its result dep"),
    ],
)
def test_what_the_network_computes_itself_is_named(
    operator: str, inputs: list[Array], message: str, cpu: TargetSpec, tmp_path: Path
) -> None:
    graph = Graph(17)
    graph.node(operator, inputs)
    with pytest.raises(InputError, match=rf"node '{operator}0' \({operator}\): {message}"):
        load_network(graph.save(tmp_path / "graph.onnx"), cpu)


def test_rests_of_floats_have_the_sign_of_the_divisor(cpu: TargetSpec, tmp_path: Path) -> None:
    """By ONNX's own evaluator: ONNX Runtime does not take floats yet."""
    graph = Graph(28)
    divisors = _float32([2, -2, np.inf, -np.inf, 0.3, -0.3])
    graph.node("Mod", [graph.floats(6), graph.weight(divisors)])
    report = check(load_network(graph.save(tmp_path / "rest.onnx", [(6,)]), cpu))
    assert report.ok, report.message()


@pytest.mark.parametrize("opset", [7, 9, 10, 12])
def test_old_operators_come_in_right(opset: int, cpu: TargetSpec, tmp_path: Path) -> None:
    """As they are, and by ONNX's version converter."""
    graph = Graph(opset)
    x = graph.floats(2, 3, 4, 4)
    axes: dict[str, Any] = {"axes": [2, 3]}
    graph.node("ReduceMean", [x], keepdims=0, **axes)
    graph.node("Softmax", [x], axis=1)  # over all that follows, until 13
    graph.node("Unsqueeze", [x], axes=[0])
    graph.node("Split", [x], outputs=2, axis=2, split=[1, 3])
    graph.node("BatchNormalization", [x, *(graph.weight(np.abs(graph.floats(3))) for _ in "sbmv")])
    if opset < 10:
        graph.node("Slice", [x], axes=[3], starts=[1], ends=[-1])
    if opset < 11:
        graph.node("Pad", [x], pads=[0, 0, 1, 1, 0, 0, 1, 1], value=0.5)
        graph.node("Clip", [x], min=-0.2, max=0.3)
    assert graph.wrong(tmp_path / "graph.onnx", cpu) == {}
    converted = load_network(tmp_path / "graph.onnx", cpu, way=2)
    assert any("ONNX's version converter brought it from opset" in n for n in converted.notes)
    assert check(converted).ok
