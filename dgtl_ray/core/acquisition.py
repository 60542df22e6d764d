"""What batches are chosen by: names that users can ask for, or a function of their own."""

from collections.abc import Callable
from typing import Any

from dgtl_ray.core.errors import InputError

# A name, or a function that makes a BoTorch acquisition function of (model, best_f, X_pending).
# The first name is what is meant where none is given.
Acquisition = str | Callable[[Any, float, Any], Any]
ACQUISITIONS = ("qlogei", "qlognei", "ucb", "thompson", "mes")
ACQUISITION = ACQUISITIONS[0]


def check_acquisition(given: Acquisition) -> None:
    """Whether it can be searched with.

    Raises:
        InputError: It is neither a name that is known nor a function.
    """
    if not callable(given) and given not in ACQUISITIONS:
        raise InputError(
            f"acquisition is {given!r}: choose one of {', '.join(ACQUISITIONS)}, or give a function"
            " that makes a BoTorch acquisition function of (model, best_f, X_pending)"
        )


def acquisition_name(given: Acquisition) -> str:
    """What a run calls it: a user's function by its module and name."""
    if not callable(given):
        return given
    return f"{given.__module__}.{getattr(given, '__qualname__', type(given).__qualname__)}"
