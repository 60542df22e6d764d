"""What vendors' data sheets say of GPUs, by name."""

from dataclasses import dataclass

from dgtl_ray.core.device import DeviceDescriptor, mentions

_KIB, _MIB = 1 << 10, 1 << 20


@dataclass(frozen=True, kw_only=True)
class KnownGpu:
    """What a vendor's data sheet says.

    Attributes:
        vendor: `nvidia` or `amd`.
        cores: Streaming multiprocessors, or compute units.
        clock_ghz: Boost clock.
        peak_gflops: float32, no tensor cores.
        bandwidth_gb_s: Main memory.
        shared_memory_bytes: The most that one block may use.
        cache_bytes: Last-level cache.
        vector_lanes: Threads of a warp, or of a wavefront.
    """

    vendor: str
    cores: int
    clock_ghz: float
    peak_gflops: float
    bandwidth_gb_s: float
    shared_memory_bytes: int
    cache_bytes: int
    vector_lanes: int


def _nvidia(
    cores: int, clock_ghz: float, peak: float, bandwidth: float, shared_kib: int, cache_mib: float
) -> KnownGpu:
    return KnownGpu(
        vendor="nvidia",
        cores=cores,
        clock_ghz=clock_ghz,
        peak_gflops=peak,
        bandwidth_gb_s=bandwidth,
        shared_memory_bytes=shared_kib * _KIB,
        cache_bytes=round(cache_mib * _MIB),
        vector_lanes=32,
    )


def _amd(
    cores: int, clock_ghz: float, peak: float, bandwidth: float, cache_mib: int, lanes: int
) -> KnownGpu:
    return KnownGpu(
        vendor="amd",
        cores=cores,
        clock_ghz=clock_ghz,
        peak_gflops=peak,
        bandwidth_gb_s=bandwidth,
        shared_memory_bytes=64 * _KIB,
        cache_bytes=cache_mib * _MIB,
        vector_lanes=lanes,
    )


# By a part of the name that the driver reports; of several that fit, the longest counts.
KNOWN_GPUS = {
    "P100": _nvidia(56, 1.33, 9_300, 732, 48, 4),
    "GTX 1080": _nvidia(20, 1.73, 8_870, 320, 48, 2),
    "GTX 1080 Ti": _nvidia(28, 1.58, 11_340, 484, 48, 2.75),
    "TITAN Xp": _nvidia(30, 1.58, 12_150, 548, 48, 3),
    "V100": _nvidia(80, 1.53, 15_700, 900, 96, 6),
    "V100-PCIE": _nvidia(80, 1.38, 14_000, 900, 96, 6),
    "TITAN V": _nvidia(80, 1.46, 14_900, 653, 96, 4.5),
    "T4": _nvidia(40, 1.59, 8_100, 320, 64, 4),
    "RTX 2070": _nvidia(36, 1.62, 7_470, 448, 64, 4),
    "RTX 2080": _nvidia(46, 1.71, 10_070, 448, 64, 4),
    "RTX 2080 Ti": _nvidia(68, 1.55, 13_450, 616, 64, 5.5),
    "TITAN RTX": _nvidia(72, 1.77, 16_310, 672, 64, 6),
    "A100": _nvidia(108, 1.41, 19_500, 1_555, 163, 40),
    "A100-SXM4-80GB": _nvidia(108, 1.41, 19_500, 2_039, 163, 40),
    "A100 80GB PCIe": _nvidia(108, 1.41, 19_500, 1_935, 163, 40),
    "A30": _nvidia(56, 1.44, 10_300, 933, 163, 24),
    "A10": _nvidia(72, 1.70, 31_200, 600, 99, 6),
    "A40": _nvidia(84, 1.74, 37_400, 696, 99, 6),
    "A2000": _nvidia(26, 1.20, 7_990, 288, 99, 3),
    "A4000": _nvidia(48, 1.56, 19_170, 448, 99, 4),
    "A5000": _nvidia(64, 1.70, 27_770, 768, 99, 6),
    "A6000": _nvidia(84, 1.80, 38_710, 768, 99, 6),
    "RTX 3060": _nvidia(28, 1.78, 12_740, 360, 99, 3),
    "RTX 3070": _nvidia(46, 1.73, 20_310, 448, 99, 4),
    "RTX 3080": _nvidia(68, 1.71, 29_770, 760, 99, 5),
    "RTX 3090": _nvidia(82, 1.70, 35_580, 936, 99, 6),
    "L4": _nvidia(58, 2.04, 30_300, 300, 99, 48),
    "L40": _nvidia(142, 2.49, 90_500, 864, 99, 96),
    "RTX 4070": _nvidia(46, 2.48, 29_150, 504, 99, 36),
    "RTX 4080": _nvidia(76, 2.51, 48_740, 717, 99, 64),
    "RTX 4090": _nvidia(128, 2.52, 82_580, 1_008, 99, 72),
    "H100": _nvidia(132, 1.98, 66_900, 3_350, 227, 50),
    "H100 PCIe": _nvidia(114, 1.76, 51_200, 2_000, 227, 50),
    "H200": _nvidia(132, 1.98, 66_900, 4_800, 227, 50),
    "RTX 5090": _nvidia(170, 2.41, 104_800, 1_792, 99, 96),
    "MI50": _amd(60, 1.73, 13_300, 1_024, 4, 64),
    "MI100": _amd(120, 1.50, 23_100, 1_229, 8, 64),
    "MI210": _amd(104, 1.70, 22_600, 1_638, 8, 64),
    "MI250": _amd(208, 1.70, 45_300, 3_277, 16, 64),
    "MI250X": _amd(220, 1.70, 47_900, 3_277, 16, 64),
    "MI300X": _amd(304, 2.10, 163_400, 5_300, 256, 64),
    "W6600": _amd(28, 2.90, 10_400, 224, 32, 32),
    "W6800": _amd(60, 2.32, 17_830, 512, 128, 32),
    "W7800": _amd(70, 2.50, 45_200, 576, 64, 32),
    "W7900": _amd(96, 2.50, 61_300, 864, 96, 32),
    "RX 6900 XT": _amd(80, 2.25, 23_040, 512, 128, 32),
    "RX 7900 XTX": _amd(96, 2.50, 61_400, 960, 96, 32),
}

_KINDS = {"nvidia": "cuda", "amd": "rocm"}
# What stands in for a GPU of which nothing but its name is known: the middle of the table.
_NEUTRAL = _nvidia(68, 1.70, 20_000, 700, 99, 16)


def find_known_gpu(name: str) -> KnownGpu | None:
    """The data sheet of the GPU that the driver calls `name`, None where it is not known."""
    return KNOWN_GPUS.get(known_name(name) or "")


def known_name(text: str) -> str | None:
    """The known GPU that a text mentions, None where it mentions none."""
    fitting = [part for part in KNOWN_GPUS if mentions(text, part)]
    return max(fitting, key=len, default=None)


def gpu_called(name: str) -> DeviceDescriptor:
    """The descriptor of a GPU that is not here, from its data sheet.

    Of one that is not known nothing is claimed: its vendor and kind are `unknown`, its numbers are
    those of a GPU of middling size.
    """
    known = find_known_gpu(name)
    sheet = known or _NEUTRAL
    return DeviceDescriptor(
        name=name,
        kind=_KINDS[known.vendor] if known else "unknown",
        vendor=known.vendor if known else "unknown",
        cores=sheet.cores,
        clock_ghz=sheet.clock_ghz,
        peak_gflops=sheet.peak_gflops,
        bandwidth_gb_s=sheet.bandwidth_gb_s,
        shared_memory_bytes=sheet.shared_memory_bytes,
        cache_bytes=sheet.cache_bytes,
        vector_lanes=sheet.vector_lanes,
    )
