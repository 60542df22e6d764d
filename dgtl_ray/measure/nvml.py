"""Name, clocks and temperature of an NVIDIA GPU, through NVML where it can be had.

NVML is a library that comes with the driver; it is called by ctypes, so that nothing need be
installed. Nothing here fails: what is not told is None.
"""

import ctypes
from ctypes import byref, c_char_p, c_int, c_uint, c_void_p
from functools import cache
from typing import Any

from dgtl_ray.core.device import UNKNOWN_CONDITIONS, Conditions

_NVML, _DRIVER = "libnvidia-ml.so.1", "libcuda.so.1"
# Of nvmlClockType_t and nvmlTemperatureSensors_t.
_CORE_CLOCK, _MEMORY_CLOCK, _DIE = 1, 2, 0
_BUS_ID_BYTES = 32
_NAME_BYTES = 96


class NvmlError(Exception):
    """A call of NVML, or of the driver, that failed."""


class GpuGauges:
    """The clocks and the thermometer of the first GPU that CUDA lets this process see.

    NVML counts all GPUs of the machine, CUDA those that CUDA_VISIBLE_DEVICES leaves, and in another
    order: they agree on a GPU by its place on the PCI bus.

    Args:
        nvml: The library's file name.
        driver: The CUDA driver's.

    Raises:
        OSError: There is no such library.
        NvmlError: There is no such GPU, or it is one that NVML does not tell of.
    """

    def __init__(self, nvml: str = _NVML, driver: str = _DRIVER) -> None:
        bus_id = _bus_id(ctypes.CDLL(driver))
        self._nvml: Any = ctypes.CDLL(nvml)
        self._handle = c_void_p()
        _call(self._nvml, "nvmlInit_v2")
        _call(self._nvml, "nvmlDeviceGetHandleByPciBusId_v2", c_char_p(bus_id), byref(self._handle))

    def read(self) -> Conditions:
        """What they say now."""
        return Conditions(
            core_clock_mhz=self._value("nvmlDeviceGetClockInfo", _CORE_CLOCK),
            memory_clock_mhz=self._value("nvmlDeviceGetClockInfo", _MEMORY_CLOCK),
            temperature_c=self._value("nvmlDeviceGetTemperature", _DIE),
        )

    def name(self) -> str:
        """What the GPU is called.

        Raises:
            NvmlError: It is not told.
        """
        text = ctypes.create_string_buffer(_NAME_BYTES)
        _call(self._nvml, "nvmlDeviceGetName", self._handle, text, c_uint(_NAME_BYTES))
        return text.value.decode()

    def _value(self, function: str, which: int) -> float | None:
        value = c_uint()
        try:
            _call(self._nvml, function, self._handle, c_int(which), byref(value))
        except NvmlError:
            return None
        return float(value.value)


def gpu_conditions() -> Conditions:
    """Clocks and temperature of this process's first GPU, as far as they are told."""
    gauges = _gauges()
    return UNKNOWN_CONDITIONS if gauges is None else gauges.read()


def gpu_name() -> str:
    """What this process's first GPU is called, "" where that is not told."""
    gauges = _gauges()
    try:
        return "" if gauges is None else gauges.name()
    except NvmlError:
        return ""


@cache
def _gauges() -> GpuGauges | None:
    try:
        return GpuGauges()
    except (OSError, NvmlError):
        return None


def _bus_id(driver: Any) -> bytes:
    device = c_int()
    text = ctypes.create_string_buffer(_BUS_ID_BYTES)
    _call(driver, "cuInit", c_uint(0))
    _call(driver, "cuDeviceGet", byref(device), c_int(0))
    _call(driver, "cuDeviceGetPCIBusId", text, c_int(_BUS_ID_BYTES), device)
    return text.value


def _call(library: Any, function: str, *arguments: Any) -> None:
    """Call a function that answers 0 where all went well.

    Raises:
        NvmlError: It answers something else, or the library has no such function.
    """
    try:
        answer = getattr(library, function)(*arguments)
    except AttributeError as error:
        raise NvmlError(f"no function {function}") from error
    if answer != 0:
        raise NvmlError(f"{function} answered {answer}")
