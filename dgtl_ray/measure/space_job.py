"""What a reading worker does: a task in, its design space out.

Only workers import this: it loads TVM.
"""

from collections.abc import Callable
from pathlib import Path

from dgtl_ray.measure.protocol import SpaceInput
from dgtl_ray.space import DesignSpace
from dgtl_ray.space.sketches import read_design_space


def space_job(_scratch: Path) -> Callable[[SpaceInput], DesignSpace]:
    """The function that reads design spaces."""

    def read(item: SpaceInput) -> DesignSpace:
        return read_design_space(item.task, item.target, item.algorithms)

    return read
