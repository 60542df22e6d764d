"""What a worker of `OwnCpuTimer` does: what `time_job` does, and tell what processor it runs on.

Only workers import this: it loads TVM.
"""

from collections.abc import Callable
from pathlib import Path

from tvm.target import codegen

from dgtl_ray.measure.own_cpu import ProcessorInput
from dgtl_ray.measure.time_job import Answer, Request, time_job


def own_cpu_job(scratch: Path) -> Callable[[Request | ProcessorInput], Answer | str]:
    """The function that serves jobs, with `scratch` for its files."""
    do_timing = time_job(scratch)

    def serve(item: Request | ProcessorInput) -> Answer | str:
        if isinstance(item, ProcessorInput):
            return str(codegen.llvm_get_system_cpu())
        return do_timing(item)

    return serve
