"""Instruction sets that this machine may run, whatever its processor's name promises.

A hypervisor may hide some of those that a processor of that name has.
"""

from collections.abc import Iterable

from dgtl_ray.core.cpu_info import cpu_info

# What the kernel calls LLVM's features of x86, of those that change which instructions are emitted.
_KERNEL_NAMES = {
    "amx-bf16": "amx_bf16",
    "amx-int8": "amx_int8",
    "amx-tile": "amx_tile",
    "avx": "avx",
    "avx2": "avx2",
    "avx512bf16": "avx512_bf16",
    "avx512bitalg": "avx512_bitalg",
    "avx512bw": "avx512bw",
    "avx512cd": "avx512cd",
    "avx512dq": "avx512dq",
    "avx512f": "avx512f",
    "avx512fp16": "avx512_fp16",
    "avx512ifma": "avx512ifma",
    "avx512vbmi": "avx512vbmi",
    "avx512vbmi2": "avx512_vbmi2",
    "avx512vl": "avx512vl",
    "avx512vnni": "avx512_vnni",
    "avx512vpopcntdq": "avx512_vpopcntdq",
    "avxvnni": "avx_vnni",
    "bmi": "bmi1",
    "bmi2": "bmi2",
    "f16c": "f16c",
    "fma": "fma",
    "gfni": "gfni",
    "lzcnt": "abm",
    "movbe": "movbe",
    "popcnt": "popcnt",
    "sse4.1": "sse4_1",
    "sse4.2": "sse4_2",
    "ssse3": "ssse3",
    "vaes": "vaes",
}


def hidden_features(features: Iterable[str]) -> list[str]:
    """Those of LLVM's features that the kernel says this machine lacks, sorted.

    None where the kernel tells nothing, and none that it may have no name for.
    """
    flags = kernel_flags()
    if not flags:
        return []
    return sorted(f for f in features if f in _KERNEL_NAMES and _KERNEL_NAMES[f] not in flags)


def kernel_flags() -> frozenset[str]:
    """The flags of x86 processors in the kernel's table; empty where there are none."""
    return frozenset(cpu_info().get("flags", "").split())
