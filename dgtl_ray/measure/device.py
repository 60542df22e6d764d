"""What a target's device is."""

from functools import cache

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.measure.cpu import describe_cpu
from dgtl_ray.measure.gpu import describe_gpu


@cache
def describe_device(target_json: str) -> DeviceDescriptor:
    """Describe the device of this machine that `target_json` (TVM's target as JSON) runs on.

    Raises:
        DeviceError: There is no such device here.
    """
    import tvm

    target = tvm.target.Target(target_json)
    if target.kind.name == "llvm":
        return describe_cpu(target)
    if target.kind.name == "cuda":
        return describe_gpu(str(target.attrs["arch"]))
    raise DeviceError(
        f"target kind {target.kind.name!r} has no device here: allowed are llvm (a CPU) and cuda"
    )
