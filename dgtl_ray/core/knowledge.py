"""Source knowledge: what was measured of other tasks, in a form that a model can learn from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.roles import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceTask:
    """What was measured of one task on one device.

    Attributes:
        name: For people.
        encoding: Feature vectors (n × columns), the columns of the target's design space.
        cost_s: Seconds (n,), NaN where the configuration failed.
        device: Where it was measured.
        task_key: Tells the tasks of a history apart.
    """

    name: str
    encoding: NDArray[np.float32]
    cost_s: FloatArray
    device: DeviceDescriptor
    task_key: str

    def __post_init__(self) -> None:
        if self.encoding.ndim != 2 or self.cost_s.shape != (len(self.encoding),):
            raise ValueError(
                f"source task {self.name!r} has an encoding of shape {self.encoding.shape} and"
                f" costs of shape {self.cost_s.shape}; allowed are (n × columns) and (n,)"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedModel:
    """A pre-trained model as it travels and rests: JSON and safe tensors, nothing that can run."""

    facts: str
    tensors: bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class Knowledge:
    """What a search knows beforehand of other tasks.

    Attributes:
        sources: What was measured of them.
        model: What was learned of all of them together; None where nothing was pre-trained.
    """

    sources: tuple[SourceTask, ...] = ()
    model: PackedModel | None = None
