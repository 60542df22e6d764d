"""Random small graphs: drawn with a seed, and what the way from file to answers makes of them."""

from dgtl_ray.bench.graphs.experiment import run

__all__ = ["run"]
