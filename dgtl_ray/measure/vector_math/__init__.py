"""Transcendental functions as polynomials of any vector width, on CPUs.

TVM hands `exp`, `erf`, `tanh` and the like to the C library, one element at a time: in a layer with
GELU or softmax that takes longer than all else. Here each becomes straight-line arithmetic in
float32, which vectorises as additions do, with an error below `MAX_ULP` units in the last place
over all of float32, infinities, NaN and denormal numbers included.
"""

from dgtl_ray.measure.vector_math.rules import MAX_ULP, use_vector_math

__all__ = ["MAX_ULP", "use_vector_math"]
