"""A network, lowered for a target and split into layer tasks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dgtl_ray.core.precision import OWN
from dgtl_ray.core.seeds import stream
from dgtl_ray.core.task import LayerTask, TensorSpec
from dgtl_ray.model.facts import GraphFacts
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
        facts: What its graph tells of the values that flow through it.
        notes: What was assumed of it when it was read, a sentence each.
        precision: What it was lowered in: `own`, or `float16` where that was made of float32.
    """

    name: str
    network_hash: str
    module: Any = field(repr=False, compare=False)
    tasks: tuple[LayerTask, ...] = field(repr=False)
    inputs: tuple[TensorSpec, ...]
    input_names: tuple[str, ...]
    facts: GraphFacts
    source: Source = field(repr=False, compare=False)
    notes: tuple[str, ...] = ()
    precision: str = OWN

    def example_inputs(self, seed: int = 0) -> tuple[Array, ...]:
        """Inputs that it accepts, the same for the same seed.

        What looks up rows is drawn from all rows that there are.
        """
        given = self.source.example_inputs(seed)
        return tuple(
            _in_range(array, limits, stream(seed, "rows", k))
            for k, (array, limits) in enumerate(zip(given, self.facts.ranges, strict=True))
        )

    def reference(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Its outputs, computed by the framework that it came from.

        Raises:
            InputError: The framework cannot run it.
        """
        return self.source.reference(inputs)


def _in_range(given: Array, limits: tuple[int, int] | None, random: np.random.Generator) -> Array:
    if limits is None:
        return given
    low, high = limits
    return random.integers(low, high, given.shape, endpoint=True).astype(given.dtype)
