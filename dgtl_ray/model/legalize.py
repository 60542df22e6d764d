"""Operators that TVM's own lowering makes slow, lowered so that they can be tuned."""

from typing import Any

from tvm import topi
from tvm.relax.transform.legalize_ops.nn import _nn_conv2d_transpose

from dgtl_ray.model import transposed_convolution


def conv2d(builder: Any, call: Any) -> Any:
    """Lower a convolution; a depthwise one to a loop nest without a channel reduction.

    The general grouped convolution finds its input channel by dividing the output channel, and
    reduces over one channel: such a loop nest cannot be vectorised well.
    """
    attrs = call.attrs
    dtype = attrs.out_dtype or call.ty.dtype
    if _is_depthwise(call):
        return builder.call_te(
            topi.nn.depthwise_conv2d_nhwc,
            *call.args,
            stride=attrs.strides,
            padding=attrs.padding,
            dilation=attrs.dilation,
            kernel_layout="HWIO",
            out_dtype=dtype,
            primfunc_name_hint="depthwise_conv2d",
        )
    return builder.call_te(
        topi.nn.conv,
        *call.args,
        stride=attrs.strides,
        padding=attrs.padding,
        dilation=attrs.dilation,
        groups=attrs.groups,
        data_layout=attrs.data_layout,
        kernel_layout=attrs.kernel_layout,
        out_dtype=dtype,
        primfunc_name_hint="conv2d" if int(attrs.groups) == 1 else "group_conv2d",
    )


def conv2d_transpose(builder: Any, call: Any) -> Any:
    """Lower a transposed convolution; with channels innermost TVM has no way to."""
    if call.attrs.data_layout == "NHWC":
        return transposed_convolution.lower(builder, call)
    return _nn_conv2d_transpose(builder, call)


def _is_depthwise(call: Any) -> bool:
    """Whether each channel is convolved on its own, one output channel for one input channel."""
    attrs = call.attrs
    if (attrs.data_layout, attrs.kernel_layout) != ("NHWC", "HWIO"):
        return False
    groups = int(attrs.groups)
    return groups > 1 and list(call.args[1].ty.shape)[2:] == [1, groups]
