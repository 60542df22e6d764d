"""A network, lowered for a target and split into layer tasks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dgtl_ray.core.task import LayerTask, TensorSpec
from dgtl_ray.model.source import Array, Source


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network, ready for tuning.

    Attributes:
        name: What the user calls it.
        network_hash: What identifies it: its layers, shapes, dtypes and data flow, weights'
            shapes and dtypes included; neither names nor the weights' values.
        module: A `tvm.IRModule`: relax `main`, weights bound as constants, calling fused
            PrimFuncs; a function `f` is the task whose key is `workload_key(f)`.
        tasks: Its distinct layer tasks, in order of first use.
        inputs: Shapes and dtypes of its inputs.
        input_names: Their names.
        notes: What was assumed of it when it was read, a sentence each.
    """

    name: str
    network_hash: str
    module: Any = field(repr=False, compare=False)
    tasks: tuple[LayerTask, ...] = field(repr=False)
    inputs: tuple[TensorSpec, ...]
    input_names: tuple[str, ...]
    source: Source = field(repr=False, compare=False)
    notes: tuple[str, ...] = ()

    def example_inputs(self, seed: int = 0) -> tuple[Array, ...]:
        """Inputs that it accepts, the same for the same seed."""
        return self.source.example_inputs(seed)

    def reference(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Its outputs, computed by the framework that it came from."""
        return self.source.reference(inputs)
