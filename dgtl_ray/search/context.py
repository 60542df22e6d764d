"""What a proposer is made of."""

from dataclasses import dataclass

from dgtl_ray.core.acquisition import ACQUISITION, Acquisition
from dgtl_ray.core.device import DeviceDescriptor
from dgtl_ray.core.knowledge import PackedModel, SourceTask
from dgtl_ray.search.space import SearchSpace


@dataclass(frozen=True, kw_only=True)
class ProposerContext:
    """One task to search, on one device.

    Attributes:
        space: The task's design space.
        seed: Of the run; proposers split it by task and step.
        task_key: Tells the tasks of a run apart.
        device: Where candidates are timed.
        sources: What was measured of other tasks, or of this one on other devices.
        pool: Random configurations that a surrogate chooses from; None for the proposer's default.
        acquisition: What a proposer with a model chooses batches by.
        model: What was learned of those sources that are usable, where that was done beforehand.
    """

    space: SearchSpace
    seed: int
    task_key: str
    device: DeviceDescriptor
    sources: tuple[SourceTask, ...] = ()
    acquisition: Acquisition = ACQUISITION
    model: PackedModel | None = None
    pool: int | None = None
