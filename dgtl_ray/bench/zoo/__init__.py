"""Architectures that people use, rewritten from their papers in plain torch, tiny."""

from dgtl_ray.bench.zoo.experiment import run

__all__ = ["run"]
