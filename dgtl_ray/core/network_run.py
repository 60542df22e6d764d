"""A whole network whose layers are interchangeable, and what came of running it."""

from dataclasses import dataclass

from dgtl_ray.core.roles import Artifact, RunResult
from dgtl_ray.core.task import TensorSpec


@dataclass(frozen=True, kw_only=True)
class Site:
    """One call of a layer: which task it is of, and which of its arguments are weights."""

    layer: int
    weights: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """A compiled network without its layers: memory and order are the network's own.

    Attributes:
        library: A shared library's bytes; its `main` calls the function `site_name(k)` for each
            site `k` with the activations that the layer takes, the output last.
        inputs: What `main` takes: the network's inputs, then constants that are no layer's.
        sites: The calls, in order.
    """

    library: bytes
    inputs: tuple[TensorSpec, ...]
    sites: tuple[Site, ...]


@dataclass(frozen=True, kw_only=True)
class NetworkInput:
    """A network to run with one alternative of each layer at a time.

    Attributes:
        alternatives: By layer, built; at least one of each layer that a site calls.
        target: TVM's target as JSON.
        passes: How often each alternative has its turn, at most.
        limit_s: No turns begin after so many seconds, but each alternative has one.
    """

    skeleton: Skeleton
    alternatives: tuple[tuple[Artifact, ...], ...]
    target: str
    passes: int
    limit_s: float


@dataclass(frozen=True, kw_only=True)
class Turns:
    """What came of one alternative.

    `seconds` has one entry a turn: the mean over the layer's calls in one inference; `error` says
    how it failed, "" where it did not.
    """

    seconds: tuple[float, ...] = ()
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class NetworkResult(RunResult):
    """How a network ran; `turns` by layer and alternative, empty where it did not."""

    turns: tuple[tuple[Turns, ...], ...] = ()


def site_name(number: int) -> str:
    """The function that a skeleton calls for a site."""
    return f"dgtl.site{number}"
