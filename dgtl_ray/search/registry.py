"""Proposers by the name that users give."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.roles import Proposer
from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.evolutionary import EvolutionaryProposer
from dgtl_ray.search.random_search import RandomProposer


def _autotvm(context: ProposerContext) -> Proposer:
    from dgtl_ray.search.rivals.autotvm import AutoTvmProposer

    return AutoTvmProposer(context)


def _chameleon(context: ProposerContext) -> Proposer:
    from dgtl_ray.search.rivals.chameleon import ChameleonProposer

    return ChameleonProposer(context)


def _dgtl(context: ProposerContext) -> Proposer:
    from dgtl_ray.search.dgtl import DgtlProposer
    from dgtl_ray.search.dgtl_config import DgtlConfig
    from dgtl_ray.transfer.checkpoint import unpack

    config = DgtlConfig() if context.pool is None else DgtlConfig(standing=context.pool)
    model = None if context.model is None else unpack(context.model)
    return DgtlProposer(context, config, model)


# Those that learn with heavy libraries are imported when they are asked for.
_PROPOSERS: Mapping[str, Callable[[ProposerContext], Proposer]] = MappingProxyType(
    {
        "autotvm": _autotvm,
        "chameleon": _chameleon,
        "dgtl": _dgtl,
        "evolutionary": EvolutionaryProposer,
        "random": RandomProposer,
    }
)


# Those that learn from sources beforehand.
_LEARNERS = frozenset({"autotvm", "dgtl"})


def import_proposer(name: str) -> None:
    """Import what the proposer called `name` needs, before it is made: seconds, where it learns."""
    if name == "dgtl":
        import_module("dgtl_ray.search.dgtl")
    elif name in {"autotvm", "chameleon"}:
        import_module(f"dgtl_ray.search.rivals.{name}")


def learns_from_sources(name: str) -> bool:
    """Whether the proposer called `name` makes use of `ProposerContext.sources`."""
    return name in _LEARNERS


def proposer_names() -> tuple[str, ...]:
    """The names that `make_proposer` knows, in alphabetical order."""
    return tuple(sorted(_PROPOSERS))


def make_proposer(name: str, context: ProposerContext) -> Proposer:
    """The proposer called `name`, for one task.

    Raises:
        InputError: There is no such proposer.
        MissingExtraError: It needs a library that is not installed.
    """
    if name not in _PROPOSERS:
        raise InputError(f"unknown search {name!r}; choose one of: {', '.join(proposer_names())}")
    return _PROPOSERS[name](context)
