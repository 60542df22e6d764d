"""Finds the fastest compiler configuration of every layer of a network, and learns from it.

The names below are loaded when they are first used: importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from dgtl_ray.core.lazy import on_first_use

if TYPE_CHECKING:
    from dgtl_ray.configs import RunConfig, TuneConfig
    from dgtl_ray.core.errors import (
        DeployError,
        DeviceError,
        DgtlError,
        InputError,
        MissingExtraError,
    )
    from dgtl_ray.deploy import load
    from dgtl_ray.run.ask_tell import AskTell, ask_tell
    from dgtl_ray.run.results import Result, ResultGrid
    from dgtl_ray.run.trials import TrialGrid, TrialResult
    from dgtl_ray.searcher import DgtlSearch
    from dgtl_ray.space.parameters import choice, randint, steps, tile
    from dgtl_ray.tuner import Tuner

__version__ = "0.1.0"

_HOME = {
    "AskTell": "dgtl_ray.run.ask_tell",
    "DeployError": "dgtl_ray.core.errors",
    "DeviceError": "dgtl_ray.core.errors",
    "DgtlError": "dgtl_ray.core.errors",
    "DgtlSearch": "dgtl_ray.searcher",
    "InputError": "dgtl_ray.core.errors",
    "MissingExtraError": "dgtl_ray.core.errors",
    "Result": "dgtl_ray.run.results",
    "ResultGrid": "dgtl_ray.run.results",
    "RunConfig": "dgtl_ray.configs",
    "TrialGrid": "dgtl_ray.run.trials",
    "TrialResult": "dgtl_ray.run.trials",
    "TuneConfig": "dgtl_ray.configs",
    "Tuner": "dgtl_ray.tuner",
    "ask_tell": "dgtl_ray.run.ask_tell",
    "choice": "dgtl_ray.space.parameters",
    "load": "dgtl_ray.deploy",
    "randint": "dgtl_ray.space.parameters",
    "steps": "dgtl_ray.space.parameters",
    "tile": "dgtl_ray.space.parameters",
}

__all__ = [
    "AskTell",
    "DeployError",
    "DeviceError",
    "DgtlError",
    "DgtlSearch",
    "InputError",
    "MissingExtraError",
    "Result",
    "ResultGrid",
    "RunConfig",
    "TrialGrid",
    "TrialResult",
    "TuneConfig",
    "Tuner",
    "__version__",
    "ask_tell",
    "choice",
    "load",
    "randint",
    "steps",
    "tile",
]


__getattr__ = on_first_use(__name__, _HOME)


def __dir__() -> list[str]:
    return __all__
