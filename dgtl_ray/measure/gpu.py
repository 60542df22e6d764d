"""This machine's GPU, described."""

import re
from typing import Any

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.measure.known_gpus import find_known_gpu

NO_GPU = (
    "no NVIDIA GPU can be used here, and the target is cuda. Run on a machine with a GPU and its "
    "driver, or choose the target cpu; `dgtl doctor` says what was found."
)

# float32 units of one multiprocessor, by compute capability; newer ones as the newest known.
_UNITS_OF_CAPABILITY = {
    "6.0": 64, "6.1": 128, "7.0": 64, "7.5": 64, "8.0": 64, "8.6": 128, "8.9": 128, "9.0": 128,
}  # fmt: skip
_NEWEST_UNITS = 128
# A GPU of which no data sheet is known is described by a typical bandwidth for its arithmetic.
_TYPICAL_FLOP_PER_BYTE = 20.0


def describe_gpu(arch: str) -> DeviceDescriptor:
    """Describe the first NVIDIA GPU, from what the driver and the data sheet say.

    Where the GPU is not known, peak is computed from its clock, bandwidth guessed from peak.

    Args:
        arch: What machine code will be for, as `sm_90`.

    Raises:
        DeviceError: There is no GPU that can be used, or it cannot run that machine code.
    """
    import tvm

    device: Any = tvm.cuda(0)
    if not device.exist:
        raise DeviceError(NO_GPU)
    if not runs_code_for(arch, device.compute_version):
        raise DeviceError(
            f"the target is for {arch}, and {device.device_name} has compute capability "
            f"{device.compute_version}: choose the target cuda, which means the GPU that is there"
        )
    cores = int(device.multi_processor_count)
    clock_ghz = int(device.max_clock_rate) / 1e6
    units = _UNITS_OF_CAPABILITY.get(device.compute_version, _NEWEST_UNITS)
    computed = round(cores * units * 2 * clock_ghz, 1)
    name = str(device.device_name)
    known = find_known_gpu(name)
    return DeviceDescriptor(
        name=name,
        kind="cuda",
        vendor="nvidia",
        cores=cores,
        clock_ghz=round(clock_ghz, 2),
        peak_gflops=known.peak_gflops if known else computed,
        bandwidth_gb_s=(
            known.bandwidth_gb_s if known else round(computed / _TYPICAL_FLOP_PER_BYTE, 1)
        ),
        shared_memory_bytes=int(device.max_shared_memory_per_block),
        cache_bytes=int(device.l2_cache_size_bytes or 0),
        vector_lanes=int(device.warp_size),
    )


def runs_code_for(arch: str, capability: str) -> bool:
    """Whether a GPU of a compute capability (`8.6`) runs machine code for `sm_80`.

    It does where the first number is the same and the second not smaller.
    """
    named = re.fullmatch(r"sm_(\d+)(\d)[af]?", arch)
    if named is None:
        return False
    major, minor = map(int, capability.split("."))
    return major == int(named[1]) and minor >= int(named[2])
