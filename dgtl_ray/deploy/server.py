"""Runs a saved module for `module_contender`: `python -m dgtl_ray.deploy.server DIR`."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgtl_ray.core.child_server import Run, serve
from dgtl_ray.core.task import TensorSpec


def load_run(directory: Path) -> Run:
    """One inference of the module in `directory` on random inputs that are on its device.

    Raises:
        DgtlError: It cannot be loaded here.
    """
    # TVM would import torch where it finds it, for nothing.
    sys.modules["torch"] = None  # type: ignore[assignment]
    from dgtl_ray.deploy.loading import load

    module = load(directory)
    rng = np.random.default_rng(0)
    inputs = module.runner.prepare(*(_example(spec, rng) for spec in module.metadata.inputs))

    def run() -> None:
        module.runner.run_prepared(inputs)
        module.runner.synchronize()

    return run


def _example(spec: TensorSpec, rng: np.random.Generator) -> NDArray[Any]:
    """Something that is valid as an input: zeros where it may be an index."""
    dtype = np.dtype(spec.dtype)
    if not np.issubdtype(dtype, np.floating):
        return np.zeros(spec.shape, dtype)
    return rng.standard_normal(spec.shape).astype(dtype)


if __name__ == "__main__":
    sys.exit(serve(partial(load_run, Path(sys.argv[1]))))
