"""One input of a network and what the network's own framework answers to it, kept in a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_FILE = "example.npz"


@dataclass(frozen=True, kw_only=True)
class Example:
    """What whoever runs the network must answer.

    Attributes:
        inputs: One array for each of the network's inputs.
        outputs: The framework's own answers.
    """

    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]

    def save(self, folder: Path) -> Path:
        """Write it into a folder; the file."""
        path = folder / _FILE
        arrays = {f"input{k}": array for k, array in enumerate(self.inputs)}
        arrays |= {f"output{k}": array for k, array in enumerate(self.outputs)}
        np.savez(path, allow_pickle=False, **arrays)
        return path

    @classmethod
    def read(cls, folder: Path) -> "Example":
        """The one that was saved in a folder.

        Raises:
            OSError: There is none.
        """
        with np.load(folder / _FILE) as file:
            inputs = tuple(file[f"input{k}"] for k in range(_count(file, "input")))
            outputs = tuple(file[f"output{k}"] for k in range(_count(file, "output")))
        return cls(inputs=inputs, outputs=outputs)

    def error_of(self, answers: Sequence[Array]) -> float:
        """Largest error of some answers, relative to the largest value of the right ones.

        Infinite where answers are missing, or not as many numbers as they should be; shapes may
        differ by axes of length one.
        """
        if len(answers) != len(self.outputs):
            return float("inf")
        return max(map(_error, answers, self.outputs), default=0.0)


def _error(answer: Array, right: Array) -> float:
    if answer.size != right.size:
        return float("inf")
    difference = np.abs(answer.ravel().astype(np.float64) - right.ravel())
    largest = float(np.abs(right).max(initial=0.0)) or 1.0
    error = float(difference.max(initial=0.0)) / largest
    return float("inf") if np.isnan(error) else error


def _count(file: Any, kind: str) -> int:
    return sum(name.startswith(kind) for name in file.files)
