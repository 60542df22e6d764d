"""This machine's GPU, described."""

from dataclasses import dataclass
from typing import Any

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeviceError

NO_GPU = (
    "no NVIDIA GPU can be used here, and the target is cuda. Run on a machine with a GPU and its "
    "driver, or choose the target cpu; `dgtl doctor` says what was found."
)

# float32 units of one multiprocessor, by compute capability; newer ones as the newest known.
_UNITS_OF_CAPABILITY = {
    "6.0": 64, "6.1": 128, "7.0": 64, "7.5": 64, "8.0": 64, "8.6": 128, "8.9": 128, "9.0": 128,
}  # fmt: skip
_NEWEST_UNITS = 128
# A GPU that is not in the table below is described by a typical bandwidth for its arithmetic.
_TYPICAL_FLOP_PER_BYTE = 20.0


@dataclass(frozen=True, kw_only=True)
class KnownGpu:
    """What a vendor's data sheet says: float32 (no tensor cores) and main memory."""

    peak_gflops: float
    bandwidth_gb_s: float


# By a part of the name that the driver reports; of several that fit, the longest counts.
KNOWN_GPUS = {
    "V100": KnownGpu(peak_gflops=15_700, bandwidth_gb_s=900),
    "V100-PCIE": KnownGpu(peak_gflops=14_000, bandwidth_gb_s=900),
    "A100": KnownGpu(peak_gflops=19_500, bandwidth_gb_s=1_555),
    "A100-SXM4-80GB": KnownGpu(peak_gflops=19_500, bandwidth_gb_s=2_039),
    "A100 80GB PCIe": KnownGpu(peak_gflops=19_500, bandwidth_gb_s=1_935),
    "H100": KnownGpu(peak_gflops=66_900, bandwidth_gb_s=3_350),
    "H100 PCIe": KnownGpu(peak_gflops=51_200, bandwidth_gb_s=2_000),
    "H200": KnownGpu(peak_gflops=66_900, bandwidth_gb_s=4_800),
    "L4": KnownGpu(peak_gflops=30_300, bandwidth_gb_s=300),
    "T4": KnownGpu(peak_gflops=8_100, bandwidth_gb_s=320),
    "RTX 2080 Ti": KnownGpu(peak_gflops=13_450, bandwidth_gb_s=616),
    "RTX 3090": KnownGpu(peak_gflops=35_580, bandwidth_gb_s=936),
    "RTX 4090": KnownGpu(peak_gflops=82_580, bandwidth_gb_s=1_008),
    "RTX A4000": KnownGpu(peak_gflops=19_170, bandwidth_gb_s=448),
    "MI250X": KnownGpu(peak_gflops=47_900, bandwidth_gb_s=3_277),
    "W6600": KnownGpu(peak_gflops=10_400, bandwidth_gb_s=224),
}


def find_known_gpu(name: str) -> KnownGpu | None:
    """The data sheet of the GPU that the driver calls `name`, None where it is not known."""
    words = name.replace("-", " ").split()
    fitting = [part for part in KNOWN_GPUS if _contains(words, part.replace("-", " ").split())]
    return KNOWN_GPUS[max(fitting, key=len)] if fitting else None


def _contains(words: list[str], part: list[str]) -> bool:
    """Whether `part` stands in `words` as whole words in a row: an L40 is no L4."""
    starts = range(len(words) - len(part) + 1)
    return any(words[k : k + len(part)] == part for k in starts)


def describe_gpu() -> DeviceDescriptor:
    """Describe the first NVIDIA GPU, from what the driver and the data sheet say.

    Where the GPU is not known, peak is computed from its clock, bandwidth guessed from peak.

    Raises:
        DeviceError: There is no GPU that can be used.
    """
    import tvm

    device: Any = tvm.cuda(0)
    if not device.exist:
        raise DeviceError(NO_GPU)
    cores = int(device.multi_processor_count)
    clock_ghz = int(device.max_clock_rate) / 1e6
    units = _UNITS_OF_CAPABILITY.get(device.compute_version, _NEWEST_UNITS)
    computed = round(cores * units * 2 * clock_ghz, 1)
    name = str(device.device_name)
    known = find_known_gpu(name) or KnownGpu(
        peak_gflops=computed, bandwidth_gb_s=round(computed / _TYPICAL_FLOP_PER_BYTE, 1)
    )
    return DeviceDescriptor(
        name=name,
        kind="cuda",
        vendor="nvidia",
        cores=cores,
        clock_ghz=round(clock_ghz, 2),
        peak_gflops=known.peak_gflops,
        bandwidth_gb_s=known.bandwidth_gb_s,
        shared_memory_bytes=int(device.max_shared_memory_per_block),
        cache_bytes=int(device.l2_cache_size_bytes or 0),
        vector_lanes=int(device.warp_size),
    )
