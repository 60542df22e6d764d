"""What a build worker does: a candidate's text in, a shared library's bytes out.

Only workers import this: it loads TVM.
"""

import itertools
from collections.abc import Callable
from pathlib import Path

from dgtl_ray.core.roles import BuildInput
from dgtl_ray.measure.compile import compile_module
from dgtl_ray.space.sketches import apply_schedule


def build_job(scratch: Path) -> Callable[[BuildInput], bytes]:
    """The function that builds candidates, with `scratch` for its files."""
    numbers = itertools.count()

    def build(item: BuildInput) -> bytes:
        module = apply_schedule(item.program, item.target, item.schedule)
        path = scratch / f"candidate-{next(numbers)}.so"
        return compile_module(module, item.target, path)

    return build
