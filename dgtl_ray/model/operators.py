"""What a layer function is called: the operator that dominates it."""

from collections.abc import Sequence

from dgtl_ray.model.program import Block

# Prefixes of TVM's names of computations; the first that fits a block names the operator.
_NAMES = (
    ("DepthwiseConv2d", "depthwise_conv2d"),
    ("group_conv2d", "group_conv2d"),
    ("conv2d", "conv2d"),
    ("group_conv1d", "group_conv1d"),
    ("conv1d", "conv1d"),
    ("group_conv3d", "group_conv3d"),
    ("conv3d", "conv3d"),
    ("attention", "attention"),
    ("matmul", "dense"),
    ("T_softmax", "softmax"),
    ("pool_max", "max_pool2d"),
    ("pool_sum", "avg_pool2d"),
    ("adaptive_pool_sum", "avg_pool2d"),
    ("adaptive_pool_max", "max_pool2d"),
    ("T_transpose", "layout_transform"),
    ("T_reshape", "layout_transform"),
    ("T_layout_trans", "layout_transform"),
    ("T_concat", "concatenate"),
)


def dominating_operator(blocks: Sequence[Block]) -> str:
    """The operator of the block that does most, reductions before what is fused to them.

    `opaque` where TVM wrote the function, or a part of it, as code without loops that can be
    rearranged.
    """
    if not blocks or any(block.opaque for block in blocks):
        return "opaque"
    heaviest = max(blocks, key=lambda block: (bool(block.reduction), block.iterations))
    for prefix, name in _NAMES:
        if heaviest.name.startswith(prefix):
            return name
    return "reduce" if heaviest.reduction else "elementwise"
