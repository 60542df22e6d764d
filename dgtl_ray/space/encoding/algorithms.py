"""Features that tell which algorithm a configuration computes with."""

from dgtl_ray.space.encoding.view import Columns, View

# In the order of their columns. A new one goes to the end, and its count to `encoder._ADDED`.
TOLD = ("winograd 2", "winograd 4", "matmul", "attention")


def algorithm_features(view: View, out: Columns) -> None:
    """One column for each algorithm of our own: 1 where it is used; all 0 for TVM's sketches."""
    for name in TOLD:
        out.add(f"algorithm {name}", float(view.sketch.algorithm == name))
