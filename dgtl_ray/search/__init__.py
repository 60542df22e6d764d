"""Proposers: what to measure next. It imports nothing heavier than numpy."""

from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.registry import (
    import_proposer,
    learns_from_sources,
    make_proposer,
    proposer_names,
)
from dgtl_ray.search.space import SearchSpace
from dgtl_ray.search.transferring import Transferring

__all__ = [
    "ProposerContext",
    "SearchSpace",
    "Transferring",
    "import_proposer",
    "learns_from_sources",
    "make_proposer",
    "proposer_names",
]
