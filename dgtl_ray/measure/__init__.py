"""Reads design spaces, builds and times candidates, in processes that may be lost.

No import here loads TVM: owners of a builder or timer stay light, their workers carry the weight.
"""

from dgtl_ray.measure.builder import LocalBuilder
from dgtl_ray.measure.device import describe_device
from dgtl_ray.measure.doctor import Finding, diagnose
from dgtl_ray.measure.spaces import SpaceReader
from dgtl_ray.measure.timer import LocalTimer
from dgtl_ray.measure.toolchain import toolchain

__all__ = [
    "Finding",
    "LocalBuilder",
    "LocalTimer",
    "SpaceReader",
    "describe_device",
    "diagnose",
    "toolchain",
]
