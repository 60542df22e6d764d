"""Runs a saved module for `module_contender`: `python -m dgtl_ray.deploy.server REQUEST`."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.child_server import Ready, serve
from dgtl_ray.core.example import Example
from dgtl_ray.core.task import TensorSpec


def load_run(directory: str, example: str | None, threads: int | None) -> Ready:
    """The module in `directory`, with inputs that are on its device.

    Args:
        directory: Where it is.
        example: Folder of the `Example` that it runs on; without one its inputs are random.
        threads: How many it runs on, None for as many as its target has cores.

    Raises:
        DgtlError: It cannot be loaded here.
    """
    # TVM would import torch where it finds it, for nothing.
    sys.modules["torch"] = None  # type: ignore[assignment]
    from dgtl_ray.deploy.loading import load

    module = load(Path(directory), threads=threads)
    given = Example.read(Path(example)) if example else None
    values = given.inputs if given else random_inputs(module.metadata.inputs)
    inputs = module.runner.prepare(*values)

    def run() -> None:
        module.runner.run_prepared(inputs)
        module.runner.synchronize()

    if given is None:
        return Ready(run=run)
    answers = [tensor.numpy() for tensor in module.run(*given.inputs)]
    return Ready(run=run, largest_error=given.error_of(answers))


def random_inputs(specs: tuple[TensorSpec, ...]) -> list[NDArray[Any]]:
    """Inputs that a network accepts, the same each time."""
    rng = np.random.default_rng(0)
    return [_example(spec, rng) for spec in specs]


def _example(spec: TensorSpec, rng: np.random.Generator) -> NDArray[Any]:
    """Something that is valid as an input, also where it looks rows up: zeros, floats below one."""
    dtype = np.dtype(spec.dtype)
    if not np.issubdtype(dtype, np.floating):
        return np.zeros(spec.shape, dtype)
    return rng.random(spec.shape).astype(dtype)


if __name__ == "__main__":
    sys.exit(serve(partial(load_run, **json.loads(sys.argv[1]))))
