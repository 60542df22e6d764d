"""A user's own parameters as a design space: their values, and restrictions between them."""

from dgtl_ray.space.parameters.reading import read_parameters
from dgtl_ray.space.parameters.values import Parameter, choice, randint, steps, tile

__all__ = ["Parameter", "choice", "randint", "read_parameters", "steps", "tile"]
