"""Design spaces: knobs, the constraints between them, sampling, and the encoding.

numpy only, but for `sketches`, which reads design spaces from TVM and applies configurations.
"""

from dgtl_ray.space.design_space import DesignSpace
from dgtl_ray.space.table import TableSpace
from dgtl_ray.space.table_knob import TableKnob

__all__ = ["DesignSpace", "TableKnob", "TableSpace"]
