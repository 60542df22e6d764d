"""Proposers: what to measure next. It imports nothing heavier than numpy."""

from dgtl_ray.search.context import ProposerContext
from dgtl_ray.search.registry import make_proposer, proposer_names
from dgtl_ray.search.space import SearchSpace

__all__ = ["ProposerContext", "SearchSpace", "make_proposer", "proposer_names"]
