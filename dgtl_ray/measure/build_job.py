"""What a build worker does: a candidate's text in, a shared library and its signature out.

Only workers import this: it loads TVM.
"""

import itertools
from collections.abc import Callable
from pathlib import Path

from dgtl_ray.core.roles import Artifact, BuildInput
from dgtl_ray.measure.compile import compile_module
from dgtl_ray.space.sketches import apply_schedule
from dgtl_ray.space.sketches.scheduled import preparations_text

# The name of TVM's computation that rounds to integers.
_ROUNDING = '"quantized'


def build_job(scratch: Path) -> Callable[[BuildInput], Artifact]:
    """The function that builds candidates, with `scratch` for its files."""
    numbers = itertools.count()

    def build(item: BuildInput) -> Artifact:
        scheduled = apply_schedule(item.program, item.target, item.schedule)
        path = scratch / f"candidate-{next(numbers)}.so"
        return Artifact(
            library=compile_module(scheduled.module, item.target, path),
            args=scheduled.args,
            preparations=preparations_text(scheduled.preparations),
            rounds=_ROUNDING in item.program,
        )

    return build
