"""A saved module looked at from inside while it runs, in a process of its own."""

from pathlib import Path

from dgtl_ray.core.child import JsonChild
from dgtl_ray.core.inside import Inside, inside_of

_LIMIT_S = 300.0


def look_inside(directory: Path | str) -> Inside:
    """Where the time of the module saved in `directory` goes, on random inputs.

    Runs that are observed, call by call, alternate with runs that are not.

    Raises:
        DgtlError: It cannot be run here.
    """
    path = str(Path(directory).resolve())
    child = JsonChild("the tuned network", "dgtl_ray.deploy.inside_server", path)
    try:
        return inside_of(child.receive(_LIMIT_S))
    finally:
        child.close()
