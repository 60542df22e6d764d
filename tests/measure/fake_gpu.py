"""A GPU that is not there, as its driver and NVML would tell of it."""

import subprocess
from pathlib import Path

_LIBRARY = r"""
#include <stdio.h>
#include <string.h>
static int ready, gpu;
static unsigned clocks[] = {1, 1980, 2619, 2};
int cuInit(unsigned flags) { return flags; }
int cuDeviceGet(int *device, int ordinal) { *device = 7; return ordinal; }
int cuDeviceGetPCIBusId(char *text, int length, int device) {
  return device == 7 ? (snprintf(text, length, "0000:5E:00.0"), 0) : 101;
}
int nvmlInit_v2(void) { ready = 1; return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *bus, void **handle) {
  *handle = &gpu;
  return ready && !strcmp(bus, "0000:5E:00.0") ? 0 : 6;
}
int nvmlDeviceGetClockInfo(void *handle, int type, unsigned *mhz) {
  *mhz = clocks[type];
  return handle == &gpu ? 0 : 2;
}
#ifndef NO_THERMOMETER
int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *degrees) {
  *degrees = 41 + sensor;
  return handle == &gpu ? THERMOMETER : 2;
}
#endif
"""


def make_fake_gpu(folder: Path, *options: str) -> str:
    """A library that stands for both; `options` are of its compiler."""
    source, library = folder / "gpu.c", folder / "gpu.so"
    source.write_text(_LIBRARY)
    command = ["cc", "-w", "-shared", "-fPIC", "-DTHERMOMETER=0", *options]
    subprocess.run([*command, "-o", str(library), str(source)], check=True)
    return str(library)
