"""One architecture in one way: exported, tuned for a few trials, deployed, and compared with torch.

What is compared in the end are the answers of the loaded module and those of the torch module that
everything began with, on inputs that nothing else saw.
"""

import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from dgtl_ray.bench.zoo.architectures import ARCHITECTURES
from dgtl_ray.configs import RunConfig, TuneConfig
from dgtl_ray.core.errors import DgtlError
from dgtl_ray.deploy import load
from dgtl_ray.model.factory import call_factory
from dgtl_ray.model.outputs import flat_tensors
from dgtl_ray.tuner import Tuner

Array = NDArray[Any]

_SEED = 20
_TOLERANCE = 1e-3


class Way(StrEnum):
    """How a network comes in."""

    DYNAMO = "dynamo"  # ONNX, by the exporter that is built on torch.export
    TORCHSCRIPT = "torchscript"  # ONNX, by the older one
    TORCH = "torch"  # a factory


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a case; `stage` and `why` tell where and why it stopped, "" where it is ok."""

    ok: bool
    stage: str = ""
    why: str = ""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


class _Stages:
    """A monitor that remembers what a run said last."""

    def __init__(self) -> None:
        self.last = "begin"

    def update(self, progress: object) -> None:
        """Progress is of no interest."""

    def note(self, text: str) -> None:
        """What it does now."""
        self.last = text

    def close(self) -> None:
        """Nothing to end."""


def run_case(architecture: str, way: Way, folder: Path, trials: int) -> Outcome:
    """Take a case as far as it comes; whatever stops it is the outcome, not an exception."""
    stages = _Stages()
    start = time.perf_counter()
    try:
        why = _run(architecture, way, folder, trials, stages)
    except DgtlError as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001 - a traceback is what a user must not see
        why = f"traceback: {type(error).__name__}: {error}"
    return Outcome(
        ok=not why,
        stage=stages.last if why else "",
        why=" ".join(why.split())[:400],
        seconds=time.perf_counter() - start,
    )


def _run(architecture: str, way: Way, folder: Path, trials: int, stages: _Stages) -> str:
    """Why the case is not ok, "" where it is."""
    module, inputs = call_factory(ARCHITECTURES[architecture])
    spec = ARCHITECTURES[architecture]
    if way is not Way.TORCH:
        stages.note("exporting")
        spec = str(_export(module, inputs, way, folder / f"{architecture}.onnx"))
    stages.note("beginning")
    grid = Tuner(
        spec,
        tune_config=TuneConfig(num_samples=trials, search_alg="random"),
        run_config=RunConfig(
            name="run", storage_path=folder, compare=False, monitor=stages, address="local"
        ),
    ).fit()
    stages.note("verification")
    if not grid.summary.verified:
        return f"off by {grid.summary.max_relative_error:.1e}"
    stages.note("running the deployed module")
    return _difference(str(grid.module_path), module, inputs)


def _export(module: nn.Module, inputs: Sequence[Tensor], way: Way, file: Path) -> Path:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # remarks of torch on its own exporters
        torch.onnx.export(module, tuple(inputs), str(file), dynamo=way is Way.DYNAMO, verbose=False)
    return file


def _difference(path: str, module: nn.Module, inputs: Sequence[Tensor]) -> str:
    """What tells the deployed module's answers from torch's, "" where nothing does."""
    fresh = _fresh(module, inputs)
    answers = load(path)(*(x.numpy() for x in fresh))
    found = answers if isinstance(answers, tuple) else (answers,)
    with torch.no_grad():
        right = [tensor.numpy() for tensor in flat_tensors(module(*fresh))]
    if [x.shape for x in found] != [x.shape for x in right]:
        return f"shapes {[x.shape for x in found]} instead of {[x.shape for x in right]}"
    # NumPy's maximum is NaN where one of them is.
    error = float(np.max([_error(*pair) for pair in zip(found, right, strict=True)]))
    return "" if error <= _TOLERANCE else f"off by {error:.1e} of the largest"


def _fresh(module: nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Other inputs: normal floats, ids of all rows that there are, zeros and ones for masks."""
    random = torch.Generator().manual_seed(_SEED)
    rows = _rows_looked_up(module, inputs)
    return [
        torch.randn(x.shape, generator=random)
        if x.is_floating_point()
        else torch.randint(rows.get(k, 2), x.shape, generator=random, dtype=x.dtype)
        for k, x in enumerate(inputs)
    ]


def _rows_looked_up(module: nn.Module, inputs: Sequence[Tensor]) -> dict[int, int]:
    """How many rows the embedding has that an input looks up, by the input's position."""
    found: dict[int, int] = {}

    def note(layer: nn.Module, given: tuple[Any, ...]) -> None:
        if isinstance(layer, nn.Embedding):
            found.update({k: layer.num_embeddings for k, x in enumerate(inputs) if x is given[0]})

    with register_module_forward_pre_hook(note), torch.no_grad():
        module(*inputs)
    return found


def _error(array: Array, right: Array) -> float:
    return float(np.abs(array - right).max() / np.abs(right).max())
