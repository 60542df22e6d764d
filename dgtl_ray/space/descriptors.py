"""A device in numbers, under the names that every encoding gives them."""

from math import log2

from dgtl_ray.core.device import DeviceDescriptor

VENDORS = ("nvidia", "amd")


def device_columns(device: DeviceDescriptor) -> dict[str, float]:
    """Logarithms of a device's descriptor by name, the same for all configurations.

    What is not known of a device (0 in its descriptor) counts as one.
    """
    values = {
        "cores": device.cores,
        "clock": device.clock_ghz,
        "peak": device.peak_gflops,
        "bandwidth": device.bandwidth_gb_s,
        "near cache": device.shared_memory_bytes,
        "far cache": device.cache_bytes,
        "lanes": device.vector_lanes,
    }
    columns = {f"log2 {name}": log2(value) if value > 0 else 0.0 for name, value in values.items()}
    columns["log2 ridge"] = columns["log2 peak"] - columns["log2 bandwidth"]
    return columns


def vendor_columns(device: DeviceDescriptor) -> dict[str, float]:
    """Who made a device: 1 under its vendor's name."""
    return {f"vendor {name}": float(device.vendor == name) for name in VENDORS}


# Stands in where only the names of columns are asked for, which hang on no device.
NO_DEVICE = DeviceDescriptor(
    name="none",
    kind="none",
    vendor="none",
    cores=1,
    clock_ghz=1.0,
    peak_gflops=1.0,
    bandwidth_gb_s=1.0,
    shared_memory_bytes=1,
    cache_bytes=1,
    vector_lanes=1,
)
