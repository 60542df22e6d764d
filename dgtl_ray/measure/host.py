"""What a process of a user's function runs on, told without loading a compiler."""

from dataclasses import replace

from dgtl_ray.core.cores import available_cores
from dgtl_ray.core.cpu_info import cpu_info
from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.measure.cpu import describe_cores, vector_lanes
from dgtl_ray.measure.known_gpus import gpu_called
from dgtl_ray.measure.nvml import gpu_name


def describe_cpu_host() -> DeviceDescriptor:
    """The cores that this process may use."""
    info = cpu_info()
    flags = (info.get("flags") or info.get("Features") or "").split()
    return describe_cores(available_cores(), vector_lanes(flags.__contains__))


def host_processor() -> str:
    """What tells this machine's processor from other generations that share its name.

    The numbers of its family and model, as the kernel tells them; "" where it does not.
    """
    info = cpu_info()
    names = ("cpu family", "model", "CPU implementer", "CPU part")
    return "-".join(info[name] for name in names if name in info)


def describe_gpu_host() -> DeviceDescriptor:
    """The first NVIDIA GPU, as the data sheet of its name describes it.

    Raises:
        DeviceError: The driver names none.
    """
    if name := gpu_name():
        return replace(gpu_called(name), kind="cuda")
    raise DeviceError("the driver names no NVIDIA GPU here: resources ask for one")
