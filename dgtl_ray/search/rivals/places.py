"""Where configurations stand in a design space, as coordinates from 0 to 1."""

import numpy as np

from dgtl_ray.core.roles import FloatArray, IntArray


def places(rows: IntArray, sizes: IntArray) -> FloatArray:
    """Coordinates (n × (knobs + sketches)) of rows (n × columns).

    How far along its values each knob stands, then a 1 for the sketch.

    Args:
        rows: Of one space.
        sizes: Its `knob_sizes`.
    """
    along = rows[:, 1:] / np.maximum(sizes[rows[:, 0]] - 1, 1)
    sketch = rows[:, :1] == np.arange(len(sizes))
    return np.concatenate([along, sketch], axis=1)
