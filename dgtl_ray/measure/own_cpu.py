"""Timing on one generation of processors, as several may share a name.

Times of another generation are not comparable, and an older one may lack what the code uses.
"""

from dataclasses import dataclass

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.errors import DeviceError
from dgtl_ray.measure.protocol import Ending
from dgtl_ray.measure.timer import LocalTimer

_ANSWER_S = 60.0


@dataclass(frozen=True, kw_only=True)
class ProcessorInput:
    """Tell what LLVM calls the processor of this machine; the answer is a `str`."""


class OtherProcessorError(DeviceError):
    """The processor is another than the run's: it never will be a device for that."""


class OwnCpuTimer(LocalTimer):
    """Times on one processor, and finds no device where there is another.

    Args:
        processor: What LLVM calls it.
    """

    def __init__(self, processor: str) -> None:
        super().__init__(job="dgtl_ray.measure.own_cpu_job:own_cpu_job")
        self._processor = processor

    def describe(self, target: str) -> DeviceDescriptor:
        """What the device is; `target` is TVM's target of a CPU as JSON.

        Raises:
            OtherProcessorError: The processor is another.
            DeviceError: What the processor is cannot be told.
        """
        outcome = self._pool.run(ProcessorInput(), _ANSWER_S)
        if outcome.ending is not Ending.DONE:
            raise DeviceError(outcome.text)
        if outcome.value != self._processor:
            raise OtherProcessorError(
                f"its processor is a {outcome.value}, this run tunes for a {self._processor}"
            )
        return super().describe(target)
